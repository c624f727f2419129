// Package embed hands an employee over from the CRM's pages to our chat window.
//
// The CRM's card makes a signed fetch (GET /embed/hubspot/card) with the CRM's user and
// record. An authentic one is answered with the address of our page and a one-time
// code in its fragment (60 s); the page exchanges the code for a bearer (15 min), which
// it keeps in memory and renews up to 12 hours after the hand-off. No cookie is needed.
//
// Guarantees. Nothing of the request is believed without the signature. A code is good
// once. What a frame may see is what the employee may see, under the rights of each
// moment; the record only chooses what is shown first. A blocked employee's bearers end
// at once, for every request and open stream looks the employee up. Only hashes of
// codes and bearers are stored.
//
// It imports the root package, i18n and secret.
package embed
