package crm

import (
	"switchboard"
)

func entryKey(i switchboard.TimelineIntent) EntryKey {
	return EntryKey(string(i.Chat) + "/" + string(i.Message))
}

func (t *Timeline) entries(account switchboard.Account, intents []switchboard.TimelineIntent) []Entry {
	out := make([]Entry, len(intents))
	for n, i := range intents {
		out[n] = t.entry(account, i)
	}
	return out
}

// entry says a message in the account's language: who wrote, where, what; files as
// links to our own pages, which check access (TIME-2).
func (t *Timeline) entry(account switchboard.Account, i switchboard.TimelineIntent) Entry {
	locale := account.Settings.Locale
	e := Entry{Key: entryKey(i), Sink: SinkNote, Contact: i.Contact, Deals: i.Deals, At: i.EntryAt, Text: i.Text,
		Link: t.PublicURL + "/c/" + string(i.Chat) + "/" + string(i.Message)}
	who, params := "timeline.client", map[string]string{"name": i.Name, "channel": i.Channel}
	if i.Name == "" {
		params["name"] = t.Texts(locale, "crm.unnamed_client", map[string]string{"channel": i.Channel})
	}
	if i.Direction == switchboard.Out {
		who, e.Owner = "timeline.employee", i.Owner
		params["name"] = i.Author
	}
	e.Head = t.Texts(locale, who, params)
	for _, a := range i.Content.Media {
		name := a.Name
		if name == "" {
			name = t.Texts(locale, "kind."+string(i.Kind), nil)
		}
		e.Media = append(e.Media, EntryLink{Name: name, URL: t.PublicURL + "/c/" + string(i.Chat) + "/media/" + string(a.ID)})
	}
	if e.Text == "" && len(e.Media) == 0 {
		e.Text = "[" + t.Texts(locale, "kind."+string(i.Kind), nil) + "]"
	}
	return e
}
