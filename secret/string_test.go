package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"switchboard/secret"
)

const canary = "canary-3f9c"

type holder struct {
	Open   secret.String
	closed secret.String
	deep   *struct{ inner secret.String }
}

// P13: no verb, marshaller or logger shows the text.
func TestNeverPrintsTheText(t *testing.T) {
	t.Parallel()
	hiddenText := secret.New(canary)
	held := holder{Open: hiddenText, closed: hiddenText, deep: &struct{ inner secret.String }{hiddenText}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%10.3s"} {
		for _, value := range []any{hiddenText, &hiddenText, held, &held, []secret.String{hiddenText}, map[secret.String]secret.String{hiddenText: hiddenText}} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
	}
	fmt.Fprintln(&out, hiddenText, fmt.Errorf("wrapped: %v", hiddenText))
	for _, handler := range []slog.Handler{
		slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil),
	} {
		slog.New(handler).Info("in", "token", hiddenText, "holder", held, "group", slog.GroupValue(slog.Any("t", &hiddenText)))
	}
	encoded, err := json.Marshal(map[string]any{"a": hiddenText, "b": held, "c": map[string]*secret.String{"d": &hiddenText}})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary)} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the text is shown: %s", out.String())
		}
	}
	if !strings.Contains(out.String(), "[hidden]") {
		t.Error("nothing was printed: the check sees nothing")
	}
}

func TestRevealsWhatWasHidden(t *testing.T) {
	t.Parallel()
	var fromJSON struct{ Token secret.String }
	if err := json.Unmarshal([]byte(`{"Token":"`+canary+`"}`), &fromJSON); err != nil {
		t.Fatal(err)
	}
	if got := fromJSON.Token.Reveal(); got != canary {
		t.Errorf("got %q", got)
	}
	if !fromJSON.Token.Equal(secret.New(canary)) || fromJSON.Token.Equal(secret.New("other")) {
		t.Error("Equal does not compare the texts")
	}
	var empty secret.String
	if !empty.IsEmpty() || empty.Reveal() != "" || !empty.Equal(secret.New("")) {
		t.Error("the zero value is not the empty text")
	}
}

func TestRefusesItsOwnMask(t *testing.T) {
	t.Parallel()
	var s secret.String
	if err := json.Unmarshal([]byte(`"[hidden]"`), &s); err == nil {
		t.Error("a printed mask was taken for a secret")
	}
}
