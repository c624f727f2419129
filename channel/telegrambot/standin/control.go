package standin

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// serveControl lets programs in other languages play users:
//
//	POST /standin/{token}/users/{id}/messages {"name", "text"} or {"name", "content": {...}} -> {"messageId"}
//	POST /standin/{token}/users/{id}/block, .../unblock
//	GET  /standin/{token}/sent -> {"sent": [...]}, GET .../users/{id}/sent
func (s *Server) serveControl(w http.ResponseWriter, r *http.Request, rest string) {
	parts := strings.Split(rest, "/")
	bot := s.Bot(parts[0])
	switch {
	case bot == nil:
		http.Error(w, "no such bot", http.StatusNotFound)
	case r.Method == http.MethodGet && len(parts) == 2 && parts[1] == "sent":
		writeJSON(w, http.StatusOK, map[string]any{"sent": bot.Sent()})
	case len(parts) == 4 && parts[1] == "users":
		bot.serveUser(w, r, parts[2], parts[3])
	default:
		http.Error(w, "no such page", http.StatusNotFound)
	}
}

func (b *Bot) serveUser(w http.ResponseWriter, r *http.Request, number, what string) {
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		http.Error(w, "the user's id is a number", http.StatusBadRequest)
		return
	}
	var in struct {
		Name    string  `json:"name"`
		Text    string  `json:"text"`
		Content Content `json:"content"`
	}
	if r.Method == http.MethodPost && r.ContentLength != 0 {
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxForm)).Decode(&in); err != nil {
			http.Error(w, "unreadable JSON", http.StatusBadRequest)
			return
		}
	}
	if in.Name == "" {
		in.Name = "User " + number
	}
	u := b.User(id, in.Name)
	switch r.Method + " " + what {
	case "POST messages":
		if in.Content == nil {
			in.Content = Content{"text": in.Text}
		}
		writeJSON(w, http.StatusCreated, map[string]any{"messageId": u.Post(in.Content)})
	case "POST block":
		u.Block()
		writeJSON(w, http.StatusOK, map[string]any{})
	case "POST unblock":
		u.Unblock()
		writeJSON(w, http.StatusOK, map[string]any{})
	case "GET sent":
		writeJSON(w, http.StatusOK, map[string]any{"sent": u.Received()})
	default:
		http.Error(w, "no such page", http.StatusNotFound)
	}
}
