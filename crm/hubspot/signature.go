package hubspot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"switchboard/secret"
)

// Headers of a request that HubSpot signs.
const (
	SignatureHeader = "X-HubSpot-Signature-v3"
	TimestampHeader = "X-HubSpot-Request-Timestamp"
)

// signatureAge is how old, or how far ahead, a signed request may be.
const signatureAge = 5 * time.Minute

// ErrSignature says that a request is not authentic; it does not say why.
var ErrSignature = errors.New("the request's signature is not valid")

// VerifySignature tells whether HubSpot made the request (signature version 3; older
// ones are refused). uri is the whole address as HubSpot called it: the configured
// public base URL and the raw request target, never Host or X-Forwarded-*. body is the
// raw body, header and timestamp the texts of SignatureHeader and TimestampHeader.
func VerifySignature(key secret.String, method, uri string, body []byte, header, timestamp string, now time.Time) error {
	if key.IsEmpty() || !timely(timestamp, now) {
		return ErrSignature
	}
	// A framework may have read a plus sign as a space.
	given, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(header, " ", "+"))
	if err != nil || len(given) != sha256.Size {
		return ErrSignature
	}
	if !hmac.Equal(given, signature(key, method, uri, body, timestamp)) {
		return ErrSignature
	}
	return nil
}

func signature(key secret.String, method, uri string, body []byte, timestamp string) []byte {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write([]byte(strings.ToUpper(method)))
	mac.Write([]byte(signedURI(uri)))
	mac.Write(body)
	mac.Write([]byte(timestamp))
	return mac.Sum(nil)
}

func timely(timestamp string, now time.Time) bool {
	ms, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || ms <= 0 || ms > 1<<53 {
		return false
	}
	age := now.Sub(time.UnixMilli(ms))
	return age <= signatureAge && age >= -signatureAge
}

// decodedInQuery are the only escapes that HubSpot undoes before it signs.
var decodedInQuery = map[string]string{
	"%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'",
	"%28": "(", "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";",
}

var escapes = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// signedURI undoes these escapes in the query, once.
func signedURI(uri string) string {
	address, query, found := strings.Cut(uri, "?")
	if !found {
		return uri
	}
	query = escapes.ReplaceAllStringFunc(query, func(e string) string {
		if plain, ok := decodedInQuery[strings.ToUpper(e)]; ok {
			return plain
		}
		return e
	})
	return address + "?" + query
}
