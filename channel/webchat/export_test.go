package webchat

import "switchboard"

// ReadMessage is readMessage, for the fuzzer.
func ReadMessage(body []byte) (id, text string, err error) {
	w, err := readMessage(body)
	return string(w.ID), w.Text, err
}

// ReadSession is readSession, for the fuzzer.
func ReadSession(body []byte) (switchboard.VisitorSession, error) { return readSession(body) }
