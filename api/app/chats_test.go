package app

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard"
	"switchboard/api/embed"
	"switchboard/routing"
)

func message(text string) map[string]string { return map[string]string{"id": uuid(), "text": text} }

func TestForeignAndMissingChatsAnswerAlike(t *testing.T) { // ROLE-4
	eachOffice(t, func(t *testing.T, o *office) {
		foreign := o.hear(o.shop, nil, "secret words")
		o.own(foreign, "boris")
		missing := &talk{chat: switchboard.ChatID(uuid())}
		for _, route := range []struct {
			method, rest string
			body         any
		}{
			{"GET", "", nil}, {"GET", "/why", nil}, {"GET", "/messages", nil}, {"GET", "/messages?after=0", nil},
			{"POST", "/messages", message("hello")}, {"POST", "/messages/" + uuid() + "/retry", nil},
			{"PUT", "/no-reply-needed", nil}, {"DELETE", "/no-reply-needed", nil},
			{"PUT", "/contact", map[string]string{"contactId": "1"}},
			{"POST", "/media?name=a.txt", "bytes"}, {"GET", "/media/" + uuid(), nil},
		} {
			for _, name := range []string{"anna", "nora"} { // another's client; no role at all
				got := o.do(o.people[name], route.method, o.path(foreign, route.rest), route.body)
				want := o.do(o.people[name], route.method, o.path(missing, route.rest), route.body)
				if got.status != http.StatusNotFound || got.status != want.status || got.body != want.body {
					t.Errorf("%s %s of %s: foreign %d %s, missing %d %s", route.method, route.rest, name, got.status, got.body, want.status, want.body)
				}
			}
		}
		if own := o.do(o.people["boris"], "GET", o.path(foreign, ""), nil); own.status != http.StatusOK {
			t.Errorf("the owner reads %d: the test proves nothing", own.status)
		}
	})
}

func TestListsPutUnansweredFirstThenTheLastMessage(t *testing.T) { // UNANS-2, ROLE-1, ROLE-2
	eachOffice(t, func(t *testing.T, o *office) {
		var talks []*talk
		for i := range 6 {
			ch := o.shop
			if i%2 == 1 {
				ch = o.fake
			}
			talks = append(talks, o.hear(ch, nil, "hi"))
			time.Sleep(2 * time.Millisecond) // another millisecond of last_at
		}
		for i, name := range []string{"anna", "anna", "boris", "anna", "boris"} {
			o.own(talks[i], name)
		}
		for _, i := range []int{0, 3} { // answered: below the others
			o.ok(o.people["sara"], "PUT", o.path(talks[i], "/no-reply-needed"), nil, nil)
		}
		ids := func(of ...int) []string {
			var all []string
			for _, i := range of {
				all = append(all, string(talks[i].chat))
			}
			return all
		}
		for _, c := range []struct {
			who, query string
			want       []string
		}{
			{"sara", "", ids(5, 4, 2, 1, 3, 0)},
			{"quinn", "", ids(5, 4, 2, 1, 3, 0)},
			{"anna", "", ids(1, 3, 0)},
			{"boris", "", ids(4, 2)},
			{"nora", "", nil},
			{"sara", "&filter=unanswered", ids(5, 4, 2, 1)},
			{"anna", "&filter=unanswered", ids(1)},
			{"anna", "&filter=mine", ids(1, 3, 0)},
			{"sara", "&filter=mine", nil},
			{"quinn", "&filter=mine", nil},
			{"sara", "&channel=" + string(o.fake.ID), ids(5, 1, 3)},
			{"sara", "&channel=none", nil},
			{"sara", "&contact=contact-" + string(talks[2].client), ids(2)},
			{"anna", "&contact=contact-" + string(talks[2].client), nil},
		} {
			for _, limit := range []string{"1", "2", "50"} {
				if got := o.pages(c.who, "limit="+limit+c.query); !slices.Equal(got, c.want) {
					t.Errorf("%s %s by %s: %v, want %v", c.who, c.query, limit, got, c.want)
				}
			}
		}
		for _, bad := range []string{"limit=0", "limit=101", "filter=red", "cursor=x", "cursor=MS4x"} {
			if a := o.do(o.people["sara"], "GET", "/api/app/chats?"+bad, nil); a.status != http.StatusBadRequest {
				t.Errorf("%s: %d", bad, a.status)
			}
		}
	})
}

// pages reads a list to its end.
func (o *office) pages(who, query string) (ids []string) {
	o.t.Helper()
	cursor := ""
	for range 20 {
		var page ChatPage
		o.ok(o.people[who], "GET", "/api/app/chats?"+query+cursor, nil, &page)
		for _, row := range page.Chats {
			ids = append(ids, row.Id)
		}
		if page.Next == nil {
			return ids
		}
		cursor = "&cursor=" + *page.Next
	}
	o.t.Fatal("a list without an end")
	return nil
}

func TestRedIsMineAndGreyIsSomebodyElses(t *testing.T) { // UNANS-3, OWNER-2
	eachOffice(t, func(t *testing.T, o *office) {
		talk := o.hear(o.shop, nil, "hi")
		o.own(talk, "anna")
		for name, want := range map[string]bool{"anna": true, "sara": false, "quinn": false} {
			var d ChatDetail
			o.ok(o.people[name], "GET", o.path(talk, ""), nil, &d)
			if d.Chat.Mine != want || d.Chat.Responsible == nil || d.Chat.Responsible.Name != "Anna" || !*d.Chat.Responsible.HasAccess {
				t.Errorf("%s: %+v", name, d.Chat)
			}
		}
		o.own(talk, "nora")
		var d ChatDetail
		o.ok(o.people["sara"], "GET", o.path(talk, ""), nil, &d)
		if *d.Chat.Responsible.HasAccess {
			t.Error("OWNER-2: the responsible has no role, and it is not said")
		}
		o.own(talk, "quinn")
		o.ok(o.people["quinn"], "GET", o.path(talk, ""), nil, &d)
		if d.Chat.Mine || d.Can.Send.Allowed || *d.Can.Send.Reason != "You are quality control: reading only." {
			t.Errorf("quality control: mine %v, %+v", d.Chat.Mine, d.Can.Send)
		}
	})
}

func TestAnAnswerIsQueuedOnceUnderThePresentRights(t *testing.T) { // CHAT-1, OWNER-1, CHAT-4
	eachOffice(t, func(t *testing.T, o *office) {
		talk := o.hear(o.shop, nil, "question")
		o.own(talk, "anna")
		body := message("answer")
		var first, again MessageAdded
		o.ok(o.people["anna"], "POST", o.path(talk, "/messages"), body, &first)
		o.ok(o.people["anna"], "POST", o.path(talk, "/messages"), map[string]string{"id": strings.ToUpper(body["id"]), "text": "answer"}, &again)
		if first.Message.Seq != 2 || again.Message.Id != first.Message.Id || again.Message.Seq != 2 || first.Chat.Unanswered != 0 {
			t.Errorf("first %+v, again %+v", first, again)
		}
		if len(o.fresh.clients) != 2 || o.fresh.clients[0] != talk.client {
			t.Errorf("owners re-read before sending: %v", o.fresh.clients)
		}
		if a := o.do(o.people["anna"], "POST", o.path(talk, "/messages"), map[string]string{"id": body["id"], "text": "other"}); a.status != http.StatusConflict {
			t.Errorf("another text under the same id: %d %s", a.status, a.body)
		}
		a := o.do(o.people["quinn"], "POST", o.path(talk, "/messages"), message("no"))
		if p := o.problem(a); p.Status != http.StatusForbidden || p.Title != "You are quality control: reading only." {
			t.Errorf("ROLE-6: %s", a.body)
		}
		var page MessagePage
		o.ok(o.people["sara"], "GET", o.path(talk, "/messages"), nil, &page)
		if texts(page.Messages) != "question|answer" || page.Messages[1].Author.Name != "Anna" || page.More != nil {
			t.Errorf("messages %+v", page)
		}
		o.shop.State, o.shop.StateReason = switchboard.ChannelDisabled, ""
		o.tx(func(ctx context.Context, tx switchboard.Tx) error { return o.store.ChangeChannel(ctx, tx, o.shop) })
		if a := o.do(o.people["anna"], "POST", o.path(talk, "/messages"), message("late")); a.status != http.StatusConflict {
			t.Errorf("a channel that does not work: %d %s", a.status, a.body)
		}
	})
}

func TestMessagesArePagedBothWays(t *testing.T) { // CHAT-2
	eachOffice(t, func(t *testing.T, o *office) {
		talk := o.hear(o.shop, nil, "1")
		for _, text := range []string{"2", "3", "4", "5"} {
			o.hear(o.shop, talk, text)
		}
		for query, want := range map[string]string{
			"limit=2": "4|5 more", "limit=2&before=4": "2|3 more", "limit=5&before=4": "1|2|3", "limit=2&after=0": "1|2 more",
			"after=3": "4|5", "after=9": "", "before=1": "",
		} {
			var page MessagePage
			o.ok(o.people["sara"], "GET", o.path(talk, "/messages?"+query), nil, &page)
			got := texts(page.Messages)
			if page.More != nil && *page.More {
				got += " more"
			}
			if got != want {
				t.Errorf("%s: %q, want %q", query, got, want)
			}
		}
	})
}

func TestEveryChatSaysWhyThisEmployee(t *testing.T) { // QUEUE-9
	eachOffice(t, func(t *testing.T, o *office) {
		talk := o.hear(o.shop, nil, "hi")
		var why Why
		o.ok(o.people["sara"], "GET", o.path(talk, "/why"), nil, &why)
		if why.Decided || *why.Sentence != "No decision was needed yet." {
			t.Errorf("before: %+v", why)
		}
		in := routing.Input{Settings: switchboard.ChannelSettings{Target: switchboard.TargetDeal}, Snapshot: routing.Snapshot{Available: true},
			Event: routing.Event{Kind: routing.ClientWrote}, Queue: routing.Queue{Cursor: 1}, Candidates: []routing.Candidate{
				{Employee: "boris", Owner: "crm-boris", Role: switchboard.Manager, Receives: true, Position: 1, Active: true, ActiveInCRM: true},
				{Employee: "anna", Owner: "crm-anna", Role: switchboard.Manager, Receives: true, Position: 2, Active: true, ActiveInCRM: true},
				{Employee: "quinn", Owner: "crm-quinn", Role: switchboard.QualityControl, Active: true, ActiveInCRM: true}}}
		o.decide(talk, in, switchboard.ClientCreating)
		o.ok(o.people["sara"], "GET", o.path(talk, "/why"), nil, &why)
		if !why.Decided || *why.Sentence != "A new client: Anna was next in turn." || why.Employee.Name != "Anna" || why.TurnBefore.Name != "Boris" ||
			why.TurnAfter.Name != "Anna" || *why.SettingsVersion != 7 || len(*why.Considered) != 3 {
			t.Errorf("decided: %s", toJSON(t, why))
		}
		if c := (*why.Considered)[0]; c.Employee.Name != "Quinn" || c.Eligible || c.Reason != "Quality control does not receive clients." {
			t.Errorf("considered: %+v", c)
		}
		a := o.do(o.people["sara"], "GET", o.path(talk, "/why"), nil, header("Accept-Language", "ru"))
		if !strings.Contains(a.body, "Anna") || strings.Contains(a.body, "next in turn") {
			t.Errorf("in Russian: %s", a.body)
		}
		// The CRM's own responsible, who is nobody of the channel.
		o.tx(func(ctx context.Context, tx switchboard.Tx) error {
			return o.store.SaveOwner(ctx, tx, o.account, switchboard.Owner{ID: "out", Name: "Zoe", Email: "zoe@example.com", Active: true})
		})
		in.Snapshot.Contacts = []routing.FoundContact{{ID: "c1", Owner: "out"}}
		o.decide(talk, in, switchboard.ClientLinked)
		o.ok(o.people["sara"], "GET", o.path(talk, "/why"), nil, &why)
		if *why.Sentence != "The CRM knows the client; Zoe is responsible there." {
			t.Errorf("kept: %s", *why.Sentence)
		}
	})
}

func TestASupervisorChoosesAmongSeveralContacts(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		o.connect()
		talk := o.hear(o.shop, nil, "hi")
		in := routing.Input{Settings: switchboard.ChannelSettings{Target: switchboard.TargetDeal}, Event: routing.Event{Kind: routing.ClientWrote},
			Snapshot: routing.Snapshot{Available: true, Contacts: []routing.FoundContact{{ID: "c1", CreatedAt: 1}, {ID: "c2", CreatedAt: 2}}}}
		o.decide(talk, in, switchboard.ClientAmbiguous)
		var d ChatDetail
		o.ok(o.people["sara"], "GET", o.path(talk, ""), nil, &d)
		if !d.Can.ChooseContact.Allowed || d.Client.Candidates == nil || len(*d.Client.Candidates) != 2 || *(*d.Client.Candidates)[0].Url != "https://crm.example/contact/c1" {
			t.Fatalf("asked: %s", toJSON(t, d.Client))
		}
		put := func(who, contact string) answer {
			return o.do(o.people[who], "PUT", o.path(talk, "/contact"), map[string]string{"contactId": contact})
		}
		if a := put("quinn", "c1"); a.status != http.StatusForbidden {
			t.Errorf("quality control chooses: %d", a.status)
		}
		if a := put("sara", "c9"); a.status != http.StatusBadRequest {
			t.Errorf("a contact that was not found: %d %s", a.status, a.body)
		}
		if a := put("sara", "c2"); a.status != http.StatusOK || !strings.Contains(a.body, `"contactId":"c2"`) {
			t.Errorf("chosen: %d %s", a.status, a.body)
		}
		w, err := o.store.PendingClientWork(t.Context(), nil, o.account, talk.client)
		last := o.jobs.keys[len(o.jobs.keys)-1]
		if err != nil || w.Channel != o.shop.ID || last.Queue != "client" || last.Key != string(talk.client) {
			t.Errorf("work %+v, %v; job %+v", w, err, last)
		}
		if a := put("sara", "c1"); a.status != http.StatusConflict {
			t.Errorf("chosen again: %d", a.status)
		}
	})
}

func TestNoReplyNeededCanBeTakenBack(t *testing.T) { // UNANS-1
	eachOffice(t, func(t *testing.T, o *office) {
		talk := o.hear(o.shop, nil, "hi")
		o.own(talk, "anna")
		var row ChatRow
		o.ok(o.people["anna"], "PUT", o.path(talk, "/no-reply-needed"), nil, &row)
		if row.Unanswered != 0 || row.WaitingSince != nil {
			t.Errorf("cleared: %+v", row)
		}
		o.ok(o.people["anna"], "DELETE", o.path(talk, "/no-reply-needed"), nil, &row)
		if row.Unanswered != 1 || row.WaitingSince == nil {
			t.Errorf("restored: %+v", row)
		}
		if a := o.do(o.people["anna"], "DELETE", o.path(talk, "/no-reply-needed"), nil); a.status != http.StatusConflict {
			t.Errorf("nothing to take back: %d", a.status)
		}
		if a := o.do(o.people["quinn"], "PUT", o.path(talk, "/no-reply-needed"), nil); a.status != http.StatusForbidden {
			t.Errorf("quality control clears: %d", a.status)
		}
	})
}

func TestWhoWritesFirstToAnUnknownAddressIsResponsible(t *testing.T) { // DEAL-6
	eachOffice(t, func(t *testing.T, o *office) {
		start := func(who string, ch switchboard.Channel, address string) answer {
			return o.do(o.people[who], "POST", "/api/app/chats", map[string]string{"channelId": string(ch.ID), "address": address, "id": uuid(), "text": "hello"})
		}
		a := start("anna", o.fake, "+79123456789")
		var added MessageAdded
		if a.status != http.StatusCreated || json.Unmarshal([]byte(a.body), &added) != nil || added.Chat.Responsible.Name != "Anna" || !added.Chat.Mine {
			t.Errorf("started: %d %s", a.status, a.body)
		}
		for who, want := range map[string]int{"anna": 201, "sara": 201, "boris": 404, "quinn": 403, "nora": 404} {
			if a := start(who, o.fake, "+79123456789"); a.status != want {
				t.Errorf("%s writes to the same address: %d %s", who, a.status, a.body)
			}
		}
		if a := start("anna", o.shop, "42"); a.status != http.StatusConflict {
			t.Errorf("a messenger that lets only clients write first: %d %s", a.status, a.body)
		}
	})
}

func TestFilesGoOutSafelyAndInRanges(t *testing.T) { // S8, ROLE-4
	eachOffice(t, func(t *testing.T, o *office) {
		talk := o.hear(o.shop, nil, "hi")
		o.own(talk, "anna")
		upload := func(name, content string) (file Attachment) {
			o.ok(o.people["anna"], "POST", o.path(talk, "/media?name="+name), content, &file)
			return file
		}
		page := upload("..%2Fpage.png", "<html><script>alert(1)</script></html>")
		if page.Kind != "document" || *page.Name != "page.png" || page.Inline != nil {
			t.Errorf("a page that calls itself a picture: %s", toJSON(t, page))
		}
		picture := upload("a.png", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR0123456789")
		if picture.Kind != "image" || !*picture.Inline {
			t.Errorf("a picture: %s", toJSON(t, picture))
		}
		var added MessageAdded
		o.ok(o.people["anna"], "POST", o.path(talk, "/messages"), map[string]any{"id": uuid(), "media": []string{picture.Id}}, &added)
		if files := *added.Message.Media; added.Message.Kind != "image" || len(files) != 1 || *files[0].Url != *picture.Url {
			t.Errorf("sent: %s", toJSON(t, added))
		}
		got := o.do(o.people["quinn"], "GET", *page.Url, nil)
		if got.header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment") ||
			!strings.Contains(got.header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("the page goes out as %v", got.header)
		}
		part := o.do(o.people["anna"], "GET", *picture.Url, nil, header("Range", "bytes=1-3"))
		if part.status != http.StatusPartialContent || part.body != "PNG" || part.header.Get("Content-Type") != "image/png" {
			t.Errorf("a range: %d %q %v", part.status, part.body, part.header)
		}
		if a := o.do(o.people["boris"], "GET", *picture.Url, nil); a.status != http.StatusNotFound {
			t.Errorf("another's file: %d", a.status)
		}
		other := o.hear(o.shop, nil, "hi")
		if a := o.do(o.people["sara"], "GET", o.path(other, "/media/"+picture.Id), nil); a.status != http.StatusNotFound {
			t.Errorf("a file under another chat: %d", a.status)
		}
		if a := o.do(o.people["anna"], "POST", o.path(talk, "/media?name=a"), ""); a.status != http.StatusBadRequest {
			t.Errorf("an empty file: %d %s", a.status, a.body)
		}
	})
}

func TestTheLiveStreamSpeaksServerSentEvents(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		talk := o.hear(o.shop, nil, "before")
		o.own(talk, "anna")
		var session Session
		o.ok(o.people["anna"], "GET", "/api/app/session", nil, &session)
		r, err := http.NewRequestWithContext(t.Context(), "GET", o.server.URL+"/api/app/live?after="+jsonNumber(session.Event), nil)
		o.must(err)
		r.Header.Set("Cookie", CookieName+"="+o.people["anna"].cookie)
		res, err := http.DefaultClient.Do(r)
		o.must(err)
		defer res.Body.Close()
		if res.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("answer %d %v", res.StatusCode, res.Header)
		}
		o.hear(o.shop, talk, "after")
		o.own(talk, "boris")
		lines := bufio.NewScanner(res.Body)
		var got []string
		for !slices.Contains(got, "gone "+string(talk.chat)) && lines.Scan() {
			data, is := strings.CutPrefix(lines.Text(), "data: ")
			if !is {
				continue
			}
			var e LiveEvent
			o.must(json.Unmarshal([]byte(data), &e))
			switch e.Kind {
			case "message":
				got = append(got, "message "+*e.Message.Text+" in "+e.Chat.Id)
			case "gone":
				got = append(got, "gone "+*e.Gone)
				if strings.Contains(data, "after") || e.Chat != nil {
					t.Errorf("OWNER-1: more than the id: %s", data)
				}
			}
		}
		// Read together, the message is not hers any more, and only the loss is told.
		if all := []string{"message after in " + string(talk.chat), "gone " + string(talk.chat)}; !slices.Equal(got, all) && !slices.Equal(got, all[1:]) {
			t.Errorf("told %v", got)
		}
		var told []LiveEvent
		o.ok(o.people["boris"], "GET", "/api/app/live?wait=1&after="+jsonNumber(session.Event), nil, &told)
		if len(told) == 0 || told[len(told)-1].Chat == nil {
			t.Errorf("long poll: %s", toJSON(t, told))
		}
	})
}

func jsonNumber(n int64) string {
	raw, _ := json.Marshal(n)
	return string(raw)
}

func TestAFrameShowsItsContactUnderTheEmployeesRights(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		mine, other := o.hear(o.shop, nil, "mine"), o.hear(o.shop, nil, "other")
		o.own(mine, "anna")
		o.own(other, "anna")
		code, err := o.frames.Code(t.Context(), o.account, "anna", switchboard.ContactID("contact-"+string(mine.client)))
		o.must(err)
		exchange := func() answer {
			return o.do(person{}, "POST", "/api/embed/session", map[string]string{"code": code.Reveal()})
		}
		var frame FrameSession
		a := exchange()
		if json.Unmarshal([]byte(a.body), &frame) != nil || frame.Token == "" || *frame.Session.Contact != "contact-"+string(mine.client) {
			t.Fatalf("opened: %d %s", a.status, a.body)
		}
		if left := time.Until(frame.ExpiresAt.Time); left > embed.BearerTime || left < embed.BearerTime-time.Minute {
			t.Errorf("the bearer is good for %s", left)
		}
		if a := exchange(); a.status != http.StatusUnauthorized {
			t.Errorf("the code is good twice: %d", a.status)
		}
		list := func(query string) []string {
			a := o.do(person{}, "GET", "/api/app/chats"+query, nil, bearer(frame.Token))
			var page ChatPage
			o.must(json.Unmarshal([]byte(a.body), &page))
			var ids []string
			for _, row := range page.Chats {
				ids = append(ids, row.Id)
			}
			return ids
		}
		if diff := cmp.Diff([]string{string(mine.chat)}, list("")); diff != "" {
			t.Errorf("the frame's chats: %s", diff)
		}
		if got := list("?contact=contact-" + string(other.client)); len(got) != 1 {
			t.Errorf("the rights are the employee's: %v", got)
		}
		if a := o.do(person{}, "POST", "/api/embed/renew", nil, bearer(frame.Token)); a.status != http.StatusTooManyRequests {
			t.Errorf("renewed at once: %d %s", a.status, a.body)
		}
		o.tx(func(ctx context.Context, tx switchboard.Tx) error {
			e, err := o.store.Employee(ctx, tx, o.account, "anna")
			if err != nil {
				return err
			}
			e.Active = false
			return o.store.SaveEmployee(ctx, tx, o.account, e)
		})
		if a := o.do(person{}, "GET", "/api/app/chats", nil, bearer(frame.Token)); a.status != http.StatusUnauthorized {
			t.Errorf("a blocked employee's bearer: %d", a.status)
		}
	})
}
