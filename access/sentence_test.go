package access_test

import (
	"os"
	"regexp"
	"testing"

	. "switchboard/access"
	"switchboard/i18n"
)

func TestEveryReasonHasASentence(t *testing.T) {
	source, err := os.ReadFile("reason.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(regexp.MustCompile(`Key\s+= "\w+"`).FindAll(source, -1)); n != len(Keys()) {
		t.Errorf("Keys lists %d of %d keys", len(Keys()), n)
	}
	for _, key := range Keys() {
		if message := (Reason{Key: key}).Message(); !i18n.Has(i18n.Key(message)) {
			t.Errorf("ROLE-6: %s has no sentence", message)
		}
	}
}

// The lists this package hands out are complete: a new action cannot be forgotten.
func TestListsEveryAction(t *testing.T) {
	source, err := os.ReadFile("action.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(regexp.MustCompile(`Action = "\w+"`).FindAll(source, -1)); n != len(Actions()) {
		t.Errorf("Actions lists %d of %d actions", len(Actions()), n)
	}
}
