package app

import (
	"switchboard"
	"switchboard/access"
	"switchboard/i18n"
	"switchboard/live"
	"switchboard/media"
)

func chatRows(v access.Viewer, rows []switchboard.ChatRow) []ChatRow {
	out := make([]ChatRow, 0, len(rows))
	for i := range rows {
		out = append(out, chatRow(v, &rows[i]))
	}
	return out
}

func chatRow(v access.Viewer, row *switchboard.ChatRow) ChatRow {
	return wireRow(row, live.IsMine(v, row))
}

// wireRow gives a chat on the wire; mine is all that depends on the viewer.
func wireRow(row *switchboard.ChatRow, mine bool) ChatRow {
	out := ChatRow{
		Id: string(row.ID), ChannelId: string(row.Channel), ClientId: string(row.Client), ClientState: ChatRowClientState(row.ClientState),
		Name: row.Name, Username: ref(row.Username), Unanswered: row.Unanswered, Mine: mine, LastSeq: row.LastSeq,
		LastAt: stamp(row.LastAt), Provisional: ref(row.ClientState == switchboard.ClientProvisional),
		Unreachable: ref(row.Unreachable), Version: row.Version,
	}
	if row.Unanswered > 0 {
		out.WaitingSince = stampRef(row.WaitingSince)
	}
	if row.Last.Direction != "" {
		out.Last = &Preview{Direction: Direction(row.Last.Direction), Kind: Kind(row.Last.Kind), Text: ref(row.Last.Text),
			Status: ref(Status(row.Last.Status))}
	}
	if row.Responsible.Name != "" || row.Responsible.Employee != "" {
		access := row.Responsible.HasAccess
		out.Responsible = &Person{Id: ref(string(row.Responsible.Employee)), Name: row.Responsible.Name, HasAccess: &access}
	}
	return out
}

// wireMessage gives a message on the wire, its reasons in a language.
func wireMessage(m *switchboard.MessageRow, l i18n.Language) Message {
	out := Message{
		Id: string(m.ID), Seq: m.Seq, Direction: Direction(m.Direction), Kind: Kind(m.Kind), Text: ref(m.Text), At: stamp(m.At),
		EditedAt: stampRef(m.EditedAt), DeletedAt: stampRef(m.DeletedAt), Status: Status(m.Status), Note: ref(m.Content.Note),
		Version: m.Version,
	}
	if m.Author != "" {
		out.Author = &Person{Id: ref(string(m.Author)), Name: m.AuthorName}
	}
	if m.Status == switchboard.StatusFailed || m.Status == switchboard.StatusMaybeSent {
		out.Reason = ref(reasonText(l, m.Reason))
	}
	addQuote(&out, m)
	addContent(&out, m, l)
	return out
}

func addQuote(out *Message, m *switchboard.MessageRow) {
	if m.ReplyTo == "" {
		return
	}
	out.ReplyTo = &struct {
		Direction *Direction `json:"direction,omitempty"`
		Id        string     `json:"id"`
		Kind      *Kind      `json:"kind,omitempty"`
		Seq       *int64     `json:"seq,omitempty"`
		Text      *string    `json:"text,omitempty"`
	}{ref(Direction(m.Quoted.Direction)), string(m.ReplyTo), ref(Kind(m.Quoted.Kind)), ref(m.Quoted.Seq), ref(m.Quoted.Text)}
}

func addContent(out *Message, m *switchboard.MessageRow, l i18n.Language) {
	if at := m.Content.Location; at != nil {
		out.Location = &struct {
			Address   *string `json:"address,omitempty"`
			Latitude  float64 `json:"latitude"`
			Longitude float64 `json:"longitude"`
			Title     *string `json:"title,omitempty"`
		}{ref(at.Address), at.Latitude, at.Longitude, ref(at.Title)}
	}
	if card := m.Content.Contact; card != nil {
		out.Contact = &struct {
			Name  string  `json:"name"`
			Phone *string `json:"phone,omitempty"`
		}{card.Name, ref(card.Phone)}
	}
	if len(m.Content.Media) == 0 {
		return
	}
	files := make([]Attachment, 0, len(m.Content.Media))
	for i, declared := range m.Content.Media {
		var file switchboard.Media
		if i < len(m.Files) {
			file = m.Files[i]
		}
		if file.Kind == "" {
			file.Kind = m.Kind
		}
		file.Chat = m.Chat
		files = append(files, wireFile(declared, file, l))
	}
	out.Media = &files
}

// wireFile joins what the sender declared with what became of the file.
func wireFile(declared switchboard.Attachment, file switchboard.Media, l i18n.Language) Attachment {
	out := Attachment{
		Id: string(declared.ID), Kind: Kind(file.Kind), State: AttachmentState(file.State), Name: ref(declared.Name),
		Mime: ref(declared.MIME), Size: ref(declared.Size), Width: ref(declared.Width), Height: ref(declared.Height),
		Seconds: ref(declared.Seconds),
	}
	if file.Name != "" {
		out.Name = ref(file.Name)
	}
	if out.Name != nil {
		out.Name = ref(media.SafeName(*out.Name))
	}
	switch file.State {
	case switchboard.MediaReady:
		out.Mime, out.Size = ref(file.MIME), ref(file.Size)
		out.Url = ref("/api/app/chats/" + string(file.Chat) + "/media/" + string(declared.ID))
		out.Inline = ref(media.IsInline(file.MIME))
	case switchboard.MediaFetching:
	default:
		out.State = AttachmentStateFailed
		out.Reason = ref(reasonText(l, file.Reason))
	}
	return out
}

// reasonText gives the sentence of a stored reason.
func reasonText(l i18n.Language, key string) string {
	switch {
	case key == "":
		return ""
	case i18n.Has(i18n.Key(key)):
		return i18n.Text(l, i18n.Key(key), nil)
	}
	return i18n.Text(l, i18n.SendRejected, nil)
}
