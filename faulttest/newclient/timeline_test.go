package newclient

import (
	"strings"
	"testing"

	"switchboard/crm/hubspot/sandbox"
)

// P6, TIME-3: entries whose answer was lost are settled by reading, with and without a
// unique property on them; each message stands once, in order per contact.
func TestTimelineHoldsEachMessageOnceInOrderWhateverTheCRMLoses(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]bool{"unique property": false, "no unique property": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lossy := func(c *sandbox.Config) { c.RefuseEngagementUnique = refuse }
			onBothEngines(t, options{timeline: true, sandbox: lossy}, func(t *testing.T, w *town) {
				w.loseEntries()
				n := w.start("a")
				crowd := []person{visitor(0), visitor(1), visitor(2)}
				texts := make([][]string, len(crowd))
				for range 5 { // a wave for each fault, at least
					atOnce(len(crowd), func(i int) bool {
						texts[i] = append(texts[i], n.writeMany(crowd[i], 6)...)
						return true
					})
					w.written()
				}
				for _, mine := range texts {
					w.inOrder(mine)
				}
				w.fired(5)
			})
		})
	}
}

func (w *town) loseEntries() {
	w.t.Helper()
	for _, kind := range []string{sandbox.FaultReplyLost, sandbox.FaultCutJSON, sandbox.FaultCut, sandbox.FaultHTML, sandbox.Fault500} {
		w.must(w.crm.AddRule(sandbox.Rule{Kind: kind, Method: "POST", Path: "*/notes/batch/create", Next: 1, Done: kind == sandbox.FaultHTML}))
	}
}

// written waits until no entry is left to write.
func (w *town) written() {
	w.t.Helper()
	w.settled(w.number(`SELECT COUNT(*) FROM client`))
	w.await("all entries", func() bool {
		return w.number(`SELECT COUNT(*) FROM message`) == w.number(`SELECT COUNT(*) FROM timeline_intent WHERE state = 'done'`)
	})
}

// writeMany has one person write one message after another.
func (n *node) writeMany(p person, messages int) []string {
	texts := make([]string, messages)
	for i := range texts {
		texts[i] = n.write(p)
	}
	return texts
}

// inOrder finds the contact with these messages: each once, in the order written.
func (w *town) inOrder(texts []string) {
	w.t.Helper()
	for _, contact := range w.crm.Records("contacts") {
		if w.number(`SELECT COUNT(*) FROM message m JOIN chat c ON c.account_id = m.account_id AND c.id = m.chat_id
			JOIN client k ON k.account_id = c.account_id AND k.id = c.client_id WHERE m.text = $1 AND k.contact_id = $2`, texts[0], contact.ID) == 0 {
			continue
		}
		w.eachOnceInTimeline(contact.ID, texts)
		entries := w.entries(contact.ID)
		for i, text := range texts {
			if i < len(entries) && !strings.Contains(entries[i], text) {
				w.t.Errorf("message %d is not entry %d of contact %s", i, i, contact.ID)
			}
		}
		return
	}
	w.t.Error("no contact has these messages")
}
