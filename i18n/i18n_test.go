package i18n

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var needed = map[Language][]string{English: {"one", "other"}, Russian: {"few", "many", "one", "other"}}

// shape is what two languages must share: placeholders, and whether there are plural forms.
func shape(s sentence) (placeholders []string, plural bool) {
	all := s.text + strings.Join(slices.Collect(maps.Values(s.forms)), "")
	placeholders = placeholder.FindAllString(all, -1)
	slices.Sort(placeholders)
	return slices.Compact(placeholders), s.forms != nil
}

func TestBothLanguagesSayTheSameThings(t *testing.T) {
	t.Parallel()
	for _, fault := range differences(texts[English], texts[Russian]) {
		t.Error(fault)
	}
	planted := maps.Clone(texts[Russian])
	delete(planted, "not_found")
	planted["why.wrote_first"] = sentence{text: "{сотрудник}"}
	planted["count.chats"] = sentence{forms: map[string]string{"one": "{count} чат", "few": "x", "other": "x"}}
	planted["extra"] = sentence{text: ""}
	if found := differences(texts[English], planted); len(found) != 5 {
		t.Errorf("planted 5 faults, found %q", found)
	}
}

func differences(english, russian map[Key]sentence) []string {
	var faults []string
	both := maps.Clone(english)
	maps.Copy(both, russian)
	for key := range both {
		en, inEnglish := english[key]
		ru, inRussian := russian[key]
		if !inEnglish || !inRussian {
			faults = append(faults, string(key)+": stands in one language only")
		}
		enNames, enPlural := shape(en)
		ruNames, ruPlural := shape(ru)
		if inEnglish && inRussian && (!slices.Equal(enNames, ruNames) || enPlural != ruPlural) {
			faults = append(faults, string(key)+": placeholders or plurals differ")
		}
		faults = append(faults, incomplete(English, key, en, inEnglish)...)
		faults = append(faults, incomplete(Russian, key, ru, inRussian)...)
	}
	return faults
}

func incomplete(l Language, key Key, s sentence, present bool) []string {
	forms := slices.Sorted(maps.Keys(s.forms))
	switch {
	case !present:
		return nil
	case s.forms != nil && !slices.Equal(forms, needed[l]):
		return []string{string(key) + ": " + string(l) + " has the forms " + strings.Join(forms, ", ")}
	case s.forms == nil && strings.TrimSpace(s.text) == "":
		return []string{string(key) + ": " + string(l) + " is empty"}
	}
	return nil
}

func TestNamesOfTheKeysAreUpToDate(t *testing.T) {
	t.Parallel()
	code, err := os.ReadFile("keys.gen.go")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, match := range regexp.MustCompile(`Key = "(.+)"`).FindAllSubmatch(code, -1) {
		named = append(named, string(match[1]))
	}
	var want []string
	for key := range texts[English] {
		want = append(want, string(key))
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, named); diff != "" {
		t.Errorf("run go generate ./i18n: %s", diff)
	}
}

func TestChoosesTheRightPluralForm(t *testing.T) {
	t.Parallel()
	for count, want := range map[string][2]string{
		"0": {"0 чатов", "0 chats"}, "1": {"1 чат", "1 chat"}, "2": {"2 чата", "2 chats"}, "4": {"4 чата", "4 chats"}, "5": {"5 чатов", "5 chats"},
		"11": {"11 чатов", "11 chats"}, "12": {"12 чатов", "12 chats"}, "14": {"14 чатов", "14 chats"}, "21": {"21 чат", "21 chats"},
		"22": {"22 чата", "22 chats"}, "101": {"101 чат", "101 chats"}, "111": {"111 чатов", "111 chats"}, "112": {"112 чатов", "112 chats"},
		"1.5": {"1.5 чата", "1.5 chats"},
	} {
		params := map[string]string{"count": count}
		got := [2]string{Text(Russian, CountChats, params), Text(English, CountChats, params)}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

var keyLike = regexp.MustCompile(`[a-z]_[a-z]`)

func TestNeverShowsKeysOrBraces(t *testing.T) {
	t.Parallel()
	for _, l := range []Language{English, Russian, "de", ""} {
		for key := range texts[English] {
			if got := Text(l, key, nil); got == "" || strings.ContainsAny(got, "{}") || keyLike.MatchString(got) {
				t.Errorf("%s %s: %q", l, key, got)
			}
		}
		if got := Text(l, "no_such_key", nil); got != Text(l, Internal, nil) {
			t.Errorf("an unknown key says %q", got)
		}
	}
	// A value is text, not a template.
	if got := Text(English, AccessResponsibleIsOther, map[string]string{"name": "{name} {count}"}); got != "Responsible: {name} {count}." {
		t.Errorf("got %q", got)
	}
}

func TestMatchesTheLanguageOfTheBrowser(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]Language{
		"ru": Russian, "ru-RU,ru;q=0.9,en;q=0.8": Russian, "en-US,en;q=0.9,ru;q=0.1": English, "en": English,
		"": English, "fr": English, "de;q=0.9, ru;q=0.5": Russian, "*": English, strings.Repeat("x,", 100000): English, "ru;;;": English,
	} {
		if got := Match(header); got != want {
			t.Errorf("%.40q: %s, want %s", header, got, want)
		}
	}
}

// Every key an error is made with has a sentence: people never see a general
// excuse where the code knows better.
func TestEveryMessageKeyInTheCodeHasASentence(t *testing.T) {
	t.Parallel()
	used := map[string]string{} // key -> place
	err := filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "testdata" || entry.Name() == "web") {
			return fs.SkipDir
		}
		if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			return collect(name, nil, used)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for key, place := range used {
		if !Has(Key(key)) {
			t.Errorf("%s: %q has no sentence", place, key)
		}
	}
	planted := map[string]string{}
	source := `package p; var a = switchboard.Invalid("f", "planted_a"); var b = switchboard.Errorf(c, "planted_b", "x"); var d = &switchboard.Error{Message: "planted_c"}; var e = channel.SendError{Class: x, Reason: "planted_d"}; var f = permanent("planted_e", nil)`
	if err := collect("planted.go", source, planted); err != nil || len(planted) != 5 {
		t.Errorf("planted 5 keys, found %v, %v", planted, err)
	}
	if len(used) == 0 {
		t.Error("no key was found in the code: nothing was checked")
	}
}

// collect finds the keys in calls and literals that take one.
func collect(name string, source any, used map[string]string) error {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, source, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	ast.Inspect(file, func(node ast.Node) bool {
		if literal, is := keyIn(node).(*ast.BasicLit); is && literal.Kind == token.STRING {
			key, _ := strconv.Unquote(literal.Value)
			used[key] = set.Position(literal.Pos()).String()
		}
		return true
	})
	return nil
}

// Where keys stand: the argument of a call, the field of a literal.
var (
	keyArgument = map[string]int{"switchboard.Invalid": 1, "switchboard.Errorf": 1, "permanent": 0, "answer": 1}
	keyField    = map[string]string{"switchboard.Error": "Message", "channel.SendError": "Reason", "channel.Ignored": "Reason"}
)

func keyIn(node ast.Node) ast.Expr {
	switch n := node.(type) {
	case *ast.CallExpr:
		if at, takes := keyArgument[nameOf(n.Fun)]; takes && len(n.Args) > at {
			return n.Args[at]
		}
	case *ast.CompositeLit:
		field := keyField[nameOf(n.Type)]
		for _, element := range n.Elts {
			if pair, is := element.(*ast.KeyValueExpr); is && field != "" && nameOf(pair.Key) == field {
				return pair.Value
			}
		}
	}
	return nil
}

func nameOf(e ast.Expr) string {
	switch n := e.(type) {
	case *ast.Ident:
		return n.Name
	case *ast.SelectorExpr:
		return nameOf(n.X) + "." + n.Sel.Name
	}
	return ""
}
