package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
)

// decodedInQuery are the escapes that the v3 signature decodes in a query,
// and no others.
var decodedInQuery = map[string]string{
	"%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$",
	"%27": "'", "%28": "(", "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";",
}

// signV3 makes the v3 request signature: base64 of HMAC-SHA256 over method,
// URI, body and timestamp (milliseconds), without separators.
func signV3(secret Secret, method, uri, body, timestamp string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(method + signedURI(uri) + body + timestamp))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// signedURI decodes the listed escapes once, in the query only.
func signedURI(uri string) string {
	base, query, found := strings.Cut(uri, "?")
	if !found {
		return uri
	}
	var out strings.Builder
	for i := 0; i < len(query); i++ {
		if query[i] == '%' && i+3 <= len(query) {
			if plain, ok := decodedInQuery[strings.ToUpper(query[i:i+3])]; ok {
				out.WriteString(plain)
				i += 2
				continue
			}
		}
		out.WriteByte(query[i])
	}
	return base + "?" + out.String()
}

// escapeQuery escapes a query value with %20 for a space.
func escapeQuery(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}
