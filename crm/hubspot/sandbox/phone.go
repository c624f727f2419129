package sandbox

import "strings"

// callingCodes are the country calling codes longer or shorter than two
// digits; every other number that starts with "+" has a two-digit code.
var callingCodes = map[string]bool{"1": true, "7": true}

// threeDigitZones: the codes that begin so have three digits.
var threeDigitZones = []string{
	"21", "22", "23", "24", "25", "26", "29", "35", "37", "38", "42", "50", "59",
	"67", "68", "69", "80", "85", "87", "88", "96", "97", "99",
}

// splitPhone reads a number as a person typed it: the country's calling code
// (the account's own when none was typed) and the national digits.
func splitPhone(typed, homeCode string) (code, national string) {
	number, _, _ := strings.Cut(strings.ToLower(typed), "ext")
	digits := onlyDigits(number)
	if digits == "" {
		return "", ""
	}
	if strings.HasPrefix(strings.TrimSpace(number), "+") {
		n := min(codeLength(digits), len(digits))
		return digits[:n], digits[n:]
	}
	return homeCode, homeNational(digits, homeCode)
}

func homeNational(digits, homeCode string) string {
	switch {
	case homeCode == "7" && len(digits) == 11 && (digits[0] == '8' || digits[0] == '7'):
		return digits[1:]
	case homeCode == "1" && len(digits) == 11 && digits[0] == '1':
		return digits[1:]
	case homeCode != "7" && digits[0] == '0':
		return strings.TrimLeft(digits, "0")
	}
	return digits
}

func codeLength(digits string) int {
	if callingCodes[digits[:1]] {
		return 1
	}
	for _, zone := range threeDigitZones {
		if strings.HasPrefix(digits, zone) {
			return 3
		}
	}
	return 2
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// calculatePhones keeps the searchable phone properties beside the typed ones.
func calculatePhones(props map[string]string, homeCode string) {
	for _, p := range []struct{ typed, national, international string }{
		{"phone", propNationalPhone, propInternationalPhone},
		{"mobilephone", propNationalMobile, propInternationalMobile},
	} {
		code, national := splitPhone(props[p.typed], homeCode)
		setOrDrop(props, p.national, national)
		if national != "" {
			national = code + national
		}
		setOrDrop(props, p.international, national)
	}
}

func setOrDrop(props map[string]string, name, value string) {
	if value == "" {
		delete(props, name)
		return
	}
	props[name] = value
}
