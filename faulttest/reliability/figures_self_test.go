package reliability

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The checker must see each kind of harm that it judges.
func TestFiguresShowEachKindOfHarm(t *testing.T) {
	t.Parallel()
	want := []line{{text: "a", confirmed: true}, {text: "b", confirmed: true}, {text: "c"}}
	for name, c := range map[string]struct {
		got  []string
		want [4]int
	}{
		"all well":           {[]string{"a", "b", "c"}, [4]int{}},
		"never confirmed":    {[]string{"a", "b"}, [4]int{}},
		"lost":               {[]string{"a", "c"}, [4]int{1, 0, 0, 0}},
		"twice":              {[]string{"a", "b", "a"}, [4]int{0, 1, 0, 0}},
		"later one first":    {[]string{"b", "a"}, [4]int{0, 0, 1, 0}},
		"somebody else's":    {[]string{"a", "b", "x"}, [4]int{0, 0, 0, 1}},
		"nothing came":       {nil, [4]int{2, 0, 0, 0}},
		"twice and disorder": {[]string{"c", "a", "b", "b"}, [4]int{0, 1, 2, 0}},
	} {
		f := &figures{}
		f.sequence(name, want, c.got)
		if diff := cmp.Diff(c.want, [4]int{f.lost, f.duplicated, f.reordered, f.leaks}); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestFiguresShowGapsAndRepeatsOfNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		got  []int64
		want [2]int
	}{{[]int64{1, 2, 3}, [2]int{}}, {nil, [2]int{}}, {[]int64{1, 3}, [2]int{1, 0}}, {[]int64{1, 1, 2}, [2]int{0, 1}}, {[]int64{2}, [2]int{1, 0}}} {
		f := &figures{}
		f.numbers("chat", c.got)
		if diff := cmp.Diff(c.want, [2]int{f.lost, f.duplicated}); diff != "" {
			t.Errorf("%v: %s", c.got, diff)
		}
	}
}

func TestCanariesNameWhomTheyBelongTo(t *testing.T) {
	t.Parallel()
	b := newBook(1)
	mine, other := b.write("in", 7, "id-1"), b.write("out", 12, "id-2")
	text := `{"a":"` + mine.text + `","b":"` + other.text + `"}`
	if diff := cmp.Diff([]string{other.text}, strangers(text, func(p int) bool { return p == 7 })); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{mine.text, other.text}, canariesIn(text)); diff != "" {
		t.Error(diff)
	}
}
