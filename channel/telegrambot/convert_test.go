package telegrambot_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard"
	"switchboard/channel"
	"switchboard/channel/channeltest"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// deliver makes an Update of a message with the frame of a private chat.
func deliver(kind, content string) []byte {
	return []byte(fmt.Sprintf(`{"update_id":700000001,%q:{"message_id":15,"date":%d,"from":{"id":77,"is_bot":false,"first_name":"Анна","last_name":"К.","username":"anna","language_code":"ru"},`+
		`"chat":{"id":77,"type":"private","first_name":"Анна","last_name":"К.","username":"anna"},%s}}`, kind, noon.Unix(), content))
}

// recorded are contents of messages as Telegram documents them, and what they become.
var recorded = []struct {
	name, content string
	want          channel.Message
}{
	{"text", `"text":"Hello \u0000there","entities":[{"type":"bold","offset":0,"length":5}]`, channel.Message{Kind: switchboard.KindText, Text: "Hello there"}},
	{"start", `"text":"/start"`, channel.Message{Kind: switchboard.KindService, Content: switchboard.Content{Note: "start"}, Opens: true}},
	{"start addressed", `"text":"/start@shop_bot"`, channel.Message{Kind: switchboard.KindService, Content: switchboard.Content{Note: "start"}, Opens: true}},
	{"start of a deep link", `"text":"/start from_site"`, channel.Message{Kind: switchboard.KindText, Text: "/start from_site"}},
	{"photo, largest", `"caption":"Look","photo":[{"file_id":"s","file_unique_id":"1","width":90,"height":60},{"file_id":"l","file_unique_id":"2","width":1280,"height":853,"file_size":99},{"file_id":"m","file_unique_id":"3","width":320,"height":213}]`,
		withFile(switchboard.KindImage, "Look", switchboard.Attachment{MIME: "image/jpeg", Size: 99, Width: 1280, Height: 853, Source: "l"})},
	{"voice", `"voice":{"file_id":"v","file_unique_id":"1","duration":7,"mime_type":"audio/ogg","file_size":5}`,
		withFile(switchboard.KindVoice, "", switchboard.Attachment{MIME: "audio/ogg", Size: 5, Seconds: 7, Source: "v"})},
	{"audio", `"audio":{"file_id":"a","file_unique_id":"1","duration":200,"performer":"Band","title":"Song"}`,
		withFile(switchboard.KindAudio, "", switchboard.Attachment{Name: "Band - Song", MIME: "audio/mpeg", Seconds: 200, Source: "a"})},
	{"video", `"video":{"file_id":"w","file_unique_id":"1","width":640,"height":480,"duration":3,"file_name":"clip.mov","mime_type":"video/quicktime"}`,
		withFile(switchboard.KindVideo, "", switchboard.Attachment{Name: "clip.mov", MIME: "video/quicktime", Width: 640, Height: 480, Seconds: 3, Source: "w"})},
	{"round video", `"video_note":{"file_id":"n","file_unique_id":"1","length":240,"duration":3}`,
		withFile(switchboard.KindVideo, "", switchboard.Attachment{MIME: "video/mp4", Width: 240, Height: 240, Seconds: 3, Source: "n"})},
	{"animation, also as document", `"animation":{"file_id":"g","file_unique_id":"1","width":10,"height":20,"duration":1},"document":{"file_id":"g","file_unique_id":"1"}`,
		withFile(switchboard.KindVideo, "", switchboard.Attachment{MIME: "video/mp4", Width: 10, Height: 20, Seconds: 1, Source: "g", Animated: true})},
	{"document", `"caption":"Bill","document":{"file_id":"d","file_unique_id":"1","file_name":"../../etc/bill.pdf","mime_type":"application/pdf","file_size":3}`,
		withFile(switchboard.KindDocument, "Bill", switchboard.Attachment{Name: "bill.pdf", MIME: "application/pdf", Size: 3, Source: "d"})},
	{"sticker", `"sticker":{"file_id":"k","file_unique_id":"1","type":"regular","width":512,"height":512,"is_animated":false,"is_video":false,"emoji":"👍"}`,
		withFile(switchboard.KindSticker, "👍", switchboard.Attachment{MIME: "image/webp", Width: 512, Height: 512, Source: "k"})},
	{"video sticker", `"sticker":{"file_id":"k","file_unique_id":"1","type":"regular","width":512,"height":512,"is_animated":false,"is_video":true}`,
		withFile(switchboard.KindSticker, "", switchboard.Attachment{MIME: "video/webm", Width: 512, Height: 512, Source: "k", Animated: true})},
	{"animated sticker", `"sticker":{"file_id":"k","file_unique_id":"1","type":"regular","width":512,"height":512,"is_animated":true,"is_video":false}`,
		withFile(switchboard.KindSticker, "", switchboard.Attachment{MIME: "application/x-tgsticker", Width: 512, Height: 512, Source: "k", Animated: true})},
	{"location", `"location":{"latitude":55.75,"longitude":37.62}`,
		channel.Message{Kind: switchboard.KindLocation, Content: switchboard.Content{Location: &switchboard.Location{Latitude: 55.75, Longitude: 37.62}}}},
	{"venue, also as location", `"venue":{"location":{"latitude":1,"longitude":2},"title":"Shop","address":"1, Street"},"location":{"latitude":1,"longitude":2}`,
		channel.Message{Kind: switchboard.KindLocation, Content: switchboard.Content{Location: &switchboard.Location{Latitude: 1, Longitude: 2, Title: "Shop", Address: "1, Street"}}}},
	{"somebody's contact", `"contact":{"phone_number":"+79120000000","first_name":"Boris","user_id":78}`,
		channel.Message{Kind: switchboard.KindContact, Content: switchboard.Content{Contact: &switchboard.ContactCard{Name: "Boris", Phone: "+79120000000"}}}},
	{"album", `"media_group_id":"1","photo":[{"file_id":"s","file_unique_id":"1","width":9,"height":6}]`,
		withFile(switchboard.KindImage, "", switchboard.Attachment{MIME: "image/jpeg", Width: 9, Height: 6, Source: "s"})},
	{"quote", `"text":"Yes","reply_to_message":{"message_id":9,"date":1,"chat":{"id":77,"type":"private"},"text":"?"}`,
		channel.Message{Kind: switchboard.KindText, Text: "Yes", ReplyTo: "9"}},
	{"quote of another chat", `"text":"Yes","reply_to_message":{"message_id":9,"date":1,"chat":{"id":5,"type":"private"}}`,
		channel.Message{Kind: switchboard.KindText, Text: "Yes"}},
	{"poll", `"poll":{"id":"1","question":"?","options":[]}`, channel.Message{Kind: switchboard.KindUnsupported, Content: switchboard.Content{Note: "poll"}}},
	{"something new", `"hologram":{"file_id":"h"},"caption":"Look"`, channel.Message{Kind: switchboard.KindUnsupported, Text: "Look", Content: switchboard.Content{Note: "hologram"}}},
	{"nothing", `"via_bot":{"id":1,"is_bot":true,"first_name":"x"}`, channel.Message{Kind: switchboard.KindUnsupported, Content: switchboard.Content{Note: "unknown"}}},
	{"voice not as documented", `"voice":{"file_id":"v","duration":1e308}`, channel.Message{Kind: switchboard.KindUnsupported, Content: switchboard.Content{Note: "voice"}}},
	{"place not on earth", `"location":{"latitude":155,"longitude":0}`, channel.Message{Kind: switchboard.KindUnsupported, Content: switchboard.Content{Note: "location"}}},
	{"pinned", `"pinned_message":{"message_id":1,"date":0,"chat":{"id":77,"type":"private"}}`, channel.Message{Kind: switchboard.KindService, Content: switchboard.Content{Note: "pinned_message"}, Opens: true}},
}

func withFile(kind switchboard.Kind, text string, a switchboard.Attachment) channel.Message {
	return channel.Message{Kind: kind, Text: text, Content: switchboard.Content{Media: []switchboard.Attachment{a}}}
}

func hookLine(t testing.TB) channel.Webhook {
	t.Helper()
	w := &world{log: &syncBuffer{}}
	line, err := w.connect("http://127.0.0.1:1").Open(switchboard.Channel{Config: []byte(`{"mode":"webhook"}`), Secrets: []byte(`{"token":"` + token + `","webhookSecret":"` + secret + `"}`)})
	if err != nil {
		t.Fatal(err)
	}
	return line.(channel.Webhook)
}

func TestConvertsEachSortOfMessage(t *testing.T) {
	line := hookLine(t)
	for _, c := range recorded {
		t.Run(c.name, func(t *testing.T) {
			body := deliver("message", c.content)
			got, err := line.Decode(body, noon)
			must(t, err)
			want := c.want
			want.Key, want.ProviderID, want.At = "m:77:15", "15", noon
			want.Peer = channel.Peer{Address: "77", Name: "Анна К.", Username: "anna", Identities: []switchboard.Identity{
				{Kind: switchboard.IdentityTelegram, Value: "77", Verified: true},
			}}
			if diff := cmp.Diff(channel.Batch{Raw: body, Messages: []channel.Message{want}}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTakesTheOwnNumberAsVerified(t *testing.T) { // DEAL-9
	line := hookLine(t)
	for phone, want := range map[string]string{"79123456789": "+79123456789", "+7 912 3456789": "+79123456789", "112": "", "8(912)": "", "": ""} {
		got, err := line.Decode(deliver("message", fmt.Sprintf(`"contact":{"phone_number":%q,"first_name":"Anna","user_id":77}`, phone)), noon)
		must(t, err)
		var found string
		for _, i := range got.Messages[0].Peer.Identities {
			if i.Kind == switchboard.IdentityPhone && i.Verified {
				found = i.Value
			}
		}
		if found != want {
			t.Errorf("%q became %q, want %q", phone, found, want)
		}
	}
}

func TestTellsEditsOfOneSecondApart(t *testing.T) {
	line := hookLine(t)
	keys := map[string]bool{}
	for _, text := range []string{"one", "two", "one"} { // the third is the first delivered again
		b, err := line.Decode(deliver("edited_message", fmt.Sprintf(`"edit_date":%d,"text":%q`, noon.Unix()+5, text)), noon)
		must(t, err)
		if len(b.Edits) != 1 || b.Edits[0].ProviderID != "15" || b.Edits[0].Text != text || !b.Edits[0].At.Equal(noon.Add(5*time.Second)) {
			t.Fatalf("%+v", b)
		}
		keys[b.Edits[0].Key] = true
	}
	if len(keys) != 2 {
		t.Errorf("keys %v, want 2", keys)
	}
}

func TestIgnoresWhatIsNoPrivateChat(t *testing.T) { // CHAT-8
	line := hookLine(t)
	group := `{"update_id":1,"message":{"message_id":5,"date":1,"from":{"id":77,"is_bot":false,"first_name":"A"},"chat":{"id":-100,"type":"supergroup","title":"Neighbours"},"text":"x"}}`
	joined := `{"update_id":2,"my_chat_member":{"chat":{"id":-100,"type":"supergroup","title":"Neighbours"},"from":{"id":77,"is_bot":false,"first_name":"A"},"date":1,"old_chat_member":{"status":"left"},"new_chat_member":{"status":"member"}}}`
	want := []channel.Ignored{{Source: "-100", Name: "Neighbours", Reason: "telegram_group_ignored"}}
	for _, body := range []string{group, joined} {
		b, err := line.Decode([]byte(body), noon)
		must(t, err)
		if diff := cmp.Diff(channel.Batch{Raw: []byte(body), Ignored: want}, b); diff != "" {
			t.Error(diff)
		}
	}
	callback := `{"update_id":3,"callback_query":{"id":"1","from":{"id":77,"is_bot":false,"first_name":"A"},"data":"x"}}`
	b, err := line.Decode([]byte(callback), noon)
	must(t, err)
	if len(b.Ignored) != 1 || b.Ignored[0].Reason != "telegram_update_ignored" {
		t.Errorf("%+v", b)
	}
}

func TestNamesNoTextInItsErrors(t *testing.T) { // P13
	line := hookLine(t)
	for _, body := range []string{`{"update_id":"canary"}`, `{"update_id":1,"message":{"message_id":"canary"}}`, `{"canary"`, `{"update_id":1,"message":{"message_id":1,"chat":{"id":"canary"}}}`} {
		_, err := line.Decode([]byte(body), noon)
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// payloads are recorded deliveries for the suite and the fuzzer.
func payloads() map[string][]byte {
	all := map[string][]byte{
		"edit":    deliver("edited_message", fmt.Sprintf(`"edit_date":%d,"text":"Hello!"`, noon.Unix()+9)),
		"blocked": []byte(`{"update_id":2,"my_chat_member":{"chat":{"id":77,"type":"private"},"from":{"id":77,"is_bot":false,"first_name":"A"},"date":1767225600,"old_chat_member":{"user":{"id":4242},"status":"member"},"new_chat_member":{"user":{"id":4242},"status":"kicked","until_date":0}}}`),
		"group":   []byte(`{"update_id":1,"message":{"message_id":5,"date":1,"chat":{"id":-100,"type":"group","title":"G"},"text":"x"}}`),
	}
	for _, r := range recorded {
		all[r.name] = deliver("message", r.content)
	}
	return all
}

func FuzzDecodeUpdate(f *testing.F) {
	for _, body := range payloads() {
		f.Add(body)
	}
	for _, body := range channeltest.Hostile(deliver("message", recorded[0].content)) {
		if len(body) < 1<<16 {
			f.Add(body)
		}
	}
	line := hookLine(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		first, err := line.Decode(body, noon)
		if err != nil {
			return
		}
		again, err := line.Decode(bytes.Clone(body), noon)
		if err != nil {
			t.Fatalf("decoded once only: %v", err)
		}
		if diff := cmp.Diff(first, again); diff != "" {
			t.Error(diff)
		}
		for _, m := range first.Messages {
			if m.Key == "" || m.Peer.Address == "" || m.Kind == "" || strings.Contains(m.Text, "\x00") {
				t.Errorf("unusable message %+v", m)
			}
			if _, err := json.Marshal(m.Content); err != nil {
				t.Errorf("content is no JSON: %v", err)
			}
		}
	})
}
