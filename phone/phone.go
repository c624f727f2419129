package phone

import (
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

const (
	maxBytes = 100 // longer texts are no phone numbers
	// minDigits is the shortest subscriber number that words may follow.
	minDigits = 7
	// minInternational is the fewest digits read as "country code and number" without a plus.
	minInternational = 10
)

// Parse gives the number in E.164. defaultCountry (ISO 3166, "RU") is the
// country of numbers written without one. eightToSeven reads an 8 and ten more
// digits as the Russian and Kazakh +7, whatever the default country. Of
// several numbers in one text the first counts.
func Parse(raw, defaultCountry string, eightToSeven bool) (e164 string, ok bool) {
	if len(raw) > maxBytes {
		return "", false
	}
	text := firstNumber(raw)
	for _, reading := range readings(text, eightToSeven) {
		if e164, ok = valid(reading, strings.ToUpper(defaultCountry)); ok {
			return e164, true
		}
	}
	return "", false
}

// Same tells whether two raw texts are one number. Texts that are no numbers
// are the same as nothing.
func Same(a, b, defaultCountry string, eightToSeven bool) bool {
	first, firstOK := Parse(a, defaultCountry, eightToSeven)
	second, secondOK := Parse(b, defaultCountry, eightToSeven)
	return firstOK && secondOK && first == second
}

// IsCountry tells whether code is a country, in capitals ("RU"), that Parse knows.
func IsCountry(code string) bool { return phonenumbers.GetSupportedRegions()[code] }

// NationalDigits gives an E.164 number's digits without the country code, as
// CRMs keep them for search; "" for a text that is not E.164.
func NationalDigits(e164 string) string {
	number, err := phonenumbers.Parse(e164, "ZZ")
	if err != nil {
		return ""
	}
	return phonenumbers.GetNationalSignificantNumber(number)
}

// firstNumber cuts at the marks between several numbers of one field, and at
// the words or extension that follow a number. Vanity numbers keep their letters.
func firstNumber(raw string) string {
	text := strings.TrimSpace(raw)
	seen := 0
	for at, r := range text {
		switch {
		case unicode.IsDigit(r):
			seen++
		case strings.ContainsRune(",;|\n\t", r):
			return text[:at]
		case seen >= minDigits && (unicode.IsLetter(r) || strings.ContainsRune("#/", r)):
			return strings.TrimSpace(text[:at])
		}
	}
	return text
}

// readings are the ways to understand a number, best first: as the switch
// says, as it stands, with 00 for the plus, as country code and number without
// the plus (the form of WhatsApp ids).
func readings(text string, eightToSeven bool) []string {
	number := phonenumbers.NormalizeDigitsOnly(text)
	plus := strings.ContainsAny(text, "+\uFF0B") // plain or full-width
	eight := eightToSeven && len(number) == 11 && number[0] == '8'
	switch {
	case eight && plus: // +8 916 ... is a slip where no country has such a code
		return []string{text, "+7" + number[1:]}
	case eight:
		return []string{"+7" + number[1:], text}
	case plus || len(number) < minInternational:
		return []string{text}
	case strings.HasPrefix(number, "00"):
		return []string{text, "+" + number[2:]}
	}
	return []string{text, "+" + number}
}

func valid(text, country string) (string, bool) {
	number, err := phonenumbers.Parse(text, country)
	if err != nil {
		return "", false
	}
	if !phonenumbers.IsValidNumber(number) {
		if number = renumbered(number); number == nil || !phonenumbers.IsValidNumber(number) {
			return "", false
		}
	}
	return phonenumbers.Format(number, phonenumbers.E164), true
}

const (
	codeBrazil = 55
	codeMexico = 52
)

// renumbered gives today's form of a number written by an old plan, or nil.
// Brazil put a 9 before mobile numbers (area code, then 6-9) in 2016; Mexico
// dropped the 1 before mobile numbers in 2019. WhatsApp ids keep the old forms.
func renumbered(number *phonenumbers.PhoneNumber) *phonenumbers.PhoneNumber {
	national := phonenumbers.GetNationalSignificantNumber(number)
	switch {
	case number.GetCountryCode() == codeBrazil && len(national) == 10 && national[2] >= '6':
		return reparsed(codeBrazil, national[:2]+"9"+national[2:])
	case number.GetCountryCode() == codeMexico && len(national) == 11 && national[0] == '1':
		return reparsed(codeMexico, national[1:])
	}
	return nil
}

func reparsed(code int, national string) *phonenumbers.PhoneNumber {
	region := phonenumbers.GetRegionCodeForCountryCode(code)
	number, err := phonenumbers.Parse(national, region)
	if err != nil {
		return nil
	}
	return number
}
