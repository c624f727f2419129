package phone_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"switchboard/phone"
)

// DEAL-9: what people write becomes one E.164 text.
func TestReadsWhatPeopleWrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		raw, country string
		eight        bool
		want         string // "" = no number
	}{
		{"8 (916) 123-45-67", "RU", false, "+79161234567"}, // 8 is the trunk prefix there
		{"8 (916) 123-45-67", "RU", true, "+79161234567"},
		{"8-916-123-45-67", "US", true, "+79161234567"},
		{"8-916-123-45-67", "US", false, ""},
		{"89161234567", "DE", true, "+79161234567"},
		{"89161234567", "DE", false, "+4989161234567"}, // a Munich number, as it stands
		{"+8 916 123 45 67", "RU", true, "+79161234567"},
		{"+8 916 123 45 67", "RU", false, ""},
		{"+81 3 1234 5678", "RU", true, "+81312345678"}, // Japan has this code: no slip
		{"8 800 555 35 35", "RU", true, "+78005553535"},
		{"+7 916 123 45 67", "", true, "+79161234567"},
		{"79161234567", "RU", false, "+79161234567"},
		{"79161234567", "US", false, "+79161234567"},
		{"916 123 45 67", "RU", true, "+79161234567"},
		{"\uFF0B７９１６１２３４５６７", "US", false, "+79161234567"},
		{"моб. 8 916 123 45 67", "RU", true, "+79161234567"},
		{"tel:+7-916-123-45-67", "RU", true, "+79161234567"},
		{"810 49 151 12345678", "RU", true, "+4915112345678"},
		{"0049 151 12345678", "RU", true, "+4915112345678"},
		{"4915112345678", "RU", true, "+4915112345678"},

		{"8 (727) 258-88-88", "KZ", true, "+77272588888"},
		{"8 701 123 45 67", "KZ", false, "+77011234567"},
		{"+7 701 123 45 67", "RU", true, "+77011234567"},
		{"8 029 123-45-67", "BY", false, "+375291234567"},
		{"067 123 45 67", "ua", false, "+380671234567"},

		{"+55 11 98765-4321", "BR", false, "+5511987654321"},
		{"+55 11 8765-4321", "BR", false, "+5511987654321"},
		{"551187654321", "BR", false, "+5511987654321"},
		{"551187654321", "RU", true, "+5511987654321"},
		{"(11) 8765-4321", "BR", false, "+5511987654321"},
		{"+55 11 3123-4567", "BR", false, "+551131234567"}, // a fixed line has no ninth digit
		{"+52 1 55 1234 5678", "MX", false, "+525512345678"},
		{"+54 11 15 2345 6789", "AR", false, "+5491123456789"},

		{"+7 495 123-45-67 доб. 12", "RU", true, "+74951234567"},
		{"+7 495 123-45-67 вн. 12", "RU", true, "+74951234567"},
		{"8 (495) 123-45-67 ext 12", "US", true, "+74951234567"},
		{"+7 495 123-45-67#12", "RU", true, "+74951234567"},
		{"+7 495 123-45-67x12", "RU", true, "+74951234567"},
		{"+7 916 123 45 67 WhatsApp", "RU", true, "+79161234567"},
		{"+7 916 123 45 67, +7 916 765 43 21", "RU", true, "+79161234567"},
		{"+7 916 123 45 67 / 8 495 765 43 21", "RU", true, "+79161234567"},
		{"1-800-FLOWERS", "US", false, "+18003569377"},

		{"", "RU", true, ""},
		{"+", "RU", true, ""},
		{"112", "RU", true, ""},
		{"не помню", "RU", true, ""},
		{"anna@example.com", "RU", true, ""},
		{"+7 916 123 45", "RU", true, ""},
		{"+7 916 123 45 67 89", "RU", true, ""},
		{"+999 123 456 789", "RU", true, ""},
		{"916 123 45 67", "", false, ""},
		{strings.Repeat("9", 5000), "RU", true, ""},
	} {
		got, ok := phone.Parse(c.raw, c.country, c.eight)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("Parse(%q, %q, %v) = %q, %v; want %q", c.raw, c.country, c.eight, got, ok, c.want)
		}
	}
}

func TestAResultParsesToItself(t *testing.T) {
	t.Parallel()
	countries := rapid.SampledFrom([]string{"RU", "KZ", "BY", "UA", "BR", "MX", "DE", "US", "AR", "IT", ""})
	written := rapid.OneOf(
		rapid.StringMatching(`[+8]?[0-9 ()-]{5,18}`),
		rapid.StringMatching(`(8|7|\+7)[ -]?\(?9[0-9]{2}\)?[ -]?[0-9]{3}-?[0-9]{2}-?[0-9]{2}`),
		rapid.StringMatching(`\+?55[1-9]{2}9?[6-9][0-9]{7}`),
		rapid.String(),
	)
	found := 0
	rapid.Check(t, func(t *rapid.T) {
		raw, country := written.Draw(t, "raw"), countries.Draw(t, "country")
		eight := rapid.Bool().Draw(t, "eight")
		e164, ok := phone.Parse(raw, country, eight)
		if !ok {
			return
		}
		found++
		other := countries.Draw(t, "other country")
		if again, ok := phone.Parse(e164, other, !eight); !ok || again != e164 {
			t.Fatalf("%q gave %q, which gave %q", raw, e164, again)
		}
		if national := phone.NationalDigits(e164); national == "" || !strings.Contains(e164, strings.TrimLeft(national, "0")) {
			t.Fatalf("%q has the national digits %q", e164, national)
		}
	})
	if found == 0 {
		t.Fatal("no generated text was a number: the property was never checked")
	}
}

// DEAL-2: a CRM's text and a client's text are compared as numbers.
func TestComparesNumbersNotTexts(t *testing.T) {
	t.Parallel()
	for _, same := range [][2]string{
		{"8 916 123-45-67", "+7 (916) 1234567"},
		{"79161234567", "8(916)1234567 доб. 3"},
		{"551187654321", "+55 (11) 98765-4321"},
	} {
		if !phone.Same(same[0], same[1], "RU", true) {
			t.Errorf("%q and %q are one number", same[0], same[1])
		}
	}
	for _, other := range [][2]string{
		{"8 916 123-45-67", "+7 916 123-45-68"},
		{"+7 916 123-45-67", "+1 916 123 4567"},
		{"", ""}, {"нет", "нет"}, {"123", "123"},
	} {
		if phone.Same(other[0], other[1], "RU", true) {
			t.Errorf("%q and %q are not one number", other[0], other[1])
		}
	}
}

func TestGivesTheDigitsACRMSearchesBy(t *testing.T) {
	t.Parallel()
	for e164, want := range map[string]string{
		"+79161234567": "9161234567", "+5511987654321": "11987654321", "+390612345678": "0612345678", "": "", "916": "",
	} {
		if got := phone.NationalDigits(e164); got != want {
			t.Errorf("NationalDigits(%q) = %q, want %q", e164, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("8 (916) 123-45-67", "RU", true)
	f.Add("+55 11 8765-4321 доб. 1", "BR", false)
	f.Fuzz(func(t *testing.T, raw, country string, eight bool) {
		e164, ok := phone.Parse(raw, country, eight)
		if again, _ := phone.Parse(e164, "", false); ok && again != e164 {
			t.Errorf("%q gave %q, which gave %q", raw, e164, again)
		}
	})
}
