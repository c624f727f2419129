package routing_test

import (
	"os"
	"regexp"
	"testing"

	"switchboard/i18n"
)

// QUEUE-9: every rule and reason that a decision can name is explained in words.
func TestEveryRuleAndReasonHasASentence(t *testing.T) {
	source, err := os.ReadFile("routing.go")
	if err != nil {
		t.Fatal(err)
	}
	for kind, prefix := range map[string]string{"Rule": "why.", "Reason": "why.reason."} {
		named := regexp.MustCompile(kind+`\s+= "(\w+)"`).FindAllSubmatch(source, -1)
		if len(named) < 7 {
			t.Errorf("found %d of type %s in routing.go", len(named), kind)
		}
		for _, n := range named {
			if key := prefix + string(n[1]); !i18n.Has(i18n.Key(key)) {
				t.Errorf("%s has no sentence", key)
			}
		}
	}
}
