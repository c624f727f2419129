package crmtest

import (
	"time"

	"switchboard/crm"
)

// phoneForms: how people type one number into a CRM (DEAL-2, DEAL-9).
var phoneForms = []struct {
	typed, country string
	eight          bool
	e164           string
}{
	{"+79161234567", "RU", true, "+79161234567"},
	{"89161234567", "RU", true, "+79161234567"},
	{"8 (916) 123-45-67", "RU", true, "+79161234567"},
	{"8-916-123-45-67", "US", true, "+79161234567"},
	{"+7 916 123 45 67", "RU", false, "+79161234567"},
	{"79161234567", "RU", false, "+79161234567"},
	{"916 123 45 67", "RU", true, "+79161234567"},
	{"+7 (916) 123-45-67 ext. 12", "RU", true, "+79161234567"},
	{"+49 151 12345678", "RU", true, "+4915112345678"},
	{"+49 (0)151 12345678", "RU", true, "+4915112345678"},
	{"+44 7911 123456", "RU", true, "+447911123456"},
	{"+1 (212) 555-2368", "US", false, "+12125552368"},
	{"+55 11 98765-4321", "BR", false, "+5511987654321"},
	{"+55 11 8765-4321", "BR", false, "+5511987654321"},
	{"+7 701 123 45 67", "KZ", false, "+77011234567"},
	{"+375 29 123-45-67", "BY", false, "+375291234567"},
}

func findsPhones(w World) {
	t := w.t
	for i, form := range phoneForms {
		p := Person{Name: "Somebody", Phone: form.typed}
		if i%2 == 1 {
			p = Person{Name: "Somebody", Mobile: form.typed}
		}
		id := w.Stand.AddContact(p)
		w.Stand.Advance(time.Second)
		got, err := w.CRM.FindContacts(t.Context(), crm.PersonQuery{Client: clientID(i), Phones: []string{form.e164},
			Country: form.country, EightToSeven: form.eight})
		must(t, err)
		if len(got) != 1 || got[0].ID != id || got[0].Ours {
			t.Errorf("%s was not found by %s: %+v", form.typed, form.e164, got)
		}
		w.Stand.DeleteContact(id)
	}
	id := w.Stand.AddContact(Person{Name: "By mail", Email: "Some.Body@Example.com"})
	got, err := w.CRM.FindContacts(t.Context(), crm.PersonQuery{Client: clientID(99), Emails: []string{"some.body@example.com"}})
	must(t, err)
	if len(got) != 1 || got[0].ID != id {
		t.Errorf("the e-mail found %+v, want %s", got, id)
	}
}

func rejectsLookAlikes(w World) {
	t := w.t
	for _, typed := range []string{
		"+1 916 234 5678", "+49 9162345678", "+380 9162345678", "9162345678 9162345678",
		"+7 916 234 56 79", "8 495 916 23 45", "+7 926 234 56 78", "id 9162345678-2",
	} {
		w.Stand.AddContact(Person{Name: "Somebody else", Phone: typed})
	}
	w.Stand.AddContact(Person{Name: "Somebody else", Phone: "+1 916 234 5678", Email: "xanna@example.com"})
	right := w.Stand.AddContact(Person{Name: "The one", Phone: "8 (916) 234-56-78"})
	w.Stand.Advance(time.Second)
	newer := w.Stand.AddContact(Person{Name: "The other one", Mobile: "+7 916 2345678"})
	w.Stand.Advance(time.Second)
	got, err := w.CRM.FindContacts(t.Context(), crm.PersonQuery{Client: clientID(1), Phones: []string{"+79162345678"},
		Emails: []string{"anna@example.com"}, Country: "RU", EightToSeven: true})
	must(t, err)
	if len(got) != 2 || got[0].ID != newer || got[1].ID != right {
		t.Errorf("got %+v, want the newer %s, then %s", got, newer, right)
	}
}

func findsOursAtOnce(w World) {
	t := w.t
	w.Stand.SetLag(30 * time.Second)
	made, err := w.CRM.UpsertContact(t.Context(), crm.NewContact{Client: clientID(1), Name: "Anna", Phone: "+79161234567"})
	must(t, err)
	find := func(q crm.PersonQuery) []crm.Found {
		t.Helper()
		got, err := w.CRM.FindContacts(t.Context(), q)
		must(t, err)
		return got
	}
	byPhone := crm.PersonQuery{Client: clientID(2), Phones: []string{"+79161234567"}}
	if got := find(byPhone); len(got) != 0 {
		t.Fatalf("the search shows %+v at once: the lag is not simulated and nothing is proved", got)
	}
	ours := find(crm.PersonQuery{Client: clientID(1), Phones: []string{"+79161234567"}})
	if len(ours) != 1 || ours[0].ID != made.ID || !ours[0].Ours {
		t.Errorf("got %+v, want ours, %s", ours, made.ID)
	}
	w.Stand.Advance(31 * time.Second)
	if got := find(byPhone); len(got) != 1 || got[0].ID != made.ID || got[0].Ours {
		t.Errorf("after the lag got %+v, want %s", got, made.ID)
	}
}
