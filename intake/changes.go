package intake

import (
	"switchboard"
	"switchboard/channel"
)

// change is news of one message, with the address of its chat.
type change struct {
	switchboard.Change
	address string
}

func changes(b *channel.Batch) []change {
	var all []change
	for _, e := range b.Edits {
		all = append(all, change{switchboard.Change{Kind: switchboard.ChangeEdit, ProviderID: e.ProviderID, At: e.At,
			Text: clean(e.Text), Content: e.Content}, e.Peer.Address})
	}
	for _, x := range b.Deletes {
		all = append(all, change{switchboard.Change{Kind: switchboard.ChangeDelete, ProviderID: x.ProviderID, At: x.At}, x.Peer.Address})
	}
	for _, s := range b.Statuses {
		all = append(all, change{switchboard.Change{Kind: switchboard.ChangeStatus, ProviderID: s.ProviderID, At: s.At,
			Status: s.Status, Reason: s.Reason}, s.Address})
	}
	return all
}
