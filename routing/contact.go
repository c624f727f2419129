package routing

import (
	"cmp"
	"slices"
)

// choice is what the CRM's contacts say about the client.
type choice struct {
	contact FoundContact // zero when none is chosen
	// ambiguous: several contacts, none with an owner; a person decides.
	ambiguous bool
}

// choose picks the client's contact: the one with our unique property, else the
// newest with an owner, else the only one.
func choose(snapshot Snapshot) choice {
	if !snapshot.Available {
		return choice{}
	}
	contacts := distinct(snapshot.Contacts)
	for _, wins := range []func(FoundContact) bool{isOurs, hasOwner} {
		if i := slices.IndexFunc(contacts, wins); i >= 0 {
			return choice{contact: contacts[i]}
		}
	}
	switch len(contacts) {
	case 0:
		return choice{}
	case 1:
		return choice{contact: contacts[0]}
	}
	return choice{ambiguous: true}
}

func isOurs(c FoundContact) bool   { return c.Ours }
func hasOwner(c FoundContact) bool { return c.Owner != "" }

// distinct gives the contacts newest first, each id once: one contact may be found by
// the unique property, by phone and by e-mail.
func distinct(found []FoundContact) []FoundContact {
	contacts := slices.Clone(found)
	slices.SortFunc(contacts, func(a, b FoundContact) int {
		return cmp.Or(
			cmp.Compare(b.CreatedAt, a.CreatedAt),
			cmp.Compare(b.ID, a.ID),
			cmp.Compare(b.Owner, a.Owner),
		)
	})
	kept := contacts[:0]
	for _, c := range contacts {
		i := slices.IndexFunc(kept, func(k FoundContact) bool { return k.ID == c.ID })
		if i < 0 {
			kept = append(kept, c)
			continue
		}
		kept[i].Ours = kept[i].Ours || c.Ours
	}
	return kept
}
