package webchat

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// problem is a refusal on its way to the visitor (RFC 9457).
type problem struct {
	status int
	key    string // of the detail, "" for none
	after  time.Duration
	allow  string // methods, with 405
}

func (p *problem) Error() string { return strconv.Itoa(p.status) + " " + p.key }

// sentence in English and Russian.
type sentence struct{ en, ru string }

var titles = map[int]sentence{
	400: {"Bad request", "Неверный запрос"},
	401: {"Unknown token", "Неизвестный токен"},
	403: {"Origin not allowed", "Сайт не разрешён"},
	404: {"No such chat", "Такого чата нет"},
	405: {"Method not allowed", "Метод не поддерживается"},
	408: {"Request timeout", "Время ожидания истекло"},
	409: {"Conflict", "Конфликт"},
	413: {"Too large", "Слишком большой запрос"},
	429: {"Too many requests", "Слишком много запросов"},
	500: {"Server error", "Ошибка сервера"},
	503: {"Try again later", "Повторите позже"},
}

var details = map[string]sentence{
	"body_not_utf8":  {"The body is not valid UTF-8.", "Тело запроса не в UTF-8."},
	"body_not_json":  {"The body is not a JSON object.", "Тело запроса не является объектом JSON."},
	"body_too_deep":  {"The JSON is nested too deep.", "Слишком глубокая вложенность JSON."},
	"body_too_large": {"A body has at most 64 KiB.", "Тело запроса не больше 64 КиБ."},
	"body_cut":       {"The body did not come whole.", "Тело запроса пришло не полностью."},
	"field_not_text": {"A field that must be text is not.", "Поле, которое должно быть текстом, им не является."},
	"field_has_nul":  {"A text must not contain NUL.", "Текст не должен содержать символ NUL."},
	"id_not_uuid":    {"The id must be a UUID.", "Идентификатор должен быть UUID."},
	"text_empty":     {"Write something.", "Напишите что-нибудь."},
	"text_too_long":  {"A message has at most 4000 characters.", "В сообщении не больше 4000 символов."},
	"name_too_long":  {"A name has at most 200 characters.", "В имени не больше 200 символов."},
	"phone_too_long": {"A phone has at most 320 characters.", "В телефоне не больше 320 символов."},
	"email_too_long": {"An e-mail has at most 320 characters.", "В адресе почты не больше 320 символов."},
	"after_no_seq":   {"The parameters after and wait are whole numbers >= 0.", "Параметры after и wait — целые числа не меньше 0."},
	"token_unknown":  {"Start a new session.", "Начните новую сессию."},
	"origin_refused": {"This site is not on the channel's list.", "Этого сайта нет в списке канала."},
	"id_taken":       {"A message with this id and another text exists.", "Сообщение с этим идентификатором и другим текстом уже есть."},
	"try_later":      {"Nothing was stored.", "Ничего не сохранено."},
}

var slowDown = sentence{"Wait {s} s and send again.", "Подождите {s} с и отправьте снова."}

type wireProblem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// write answers with the problem in the visitor's language.
func (p *problem) write(w http.ResponseWriter, r *http.Request) {
	lang := language(r)
	body := wireProblem{Type: "about:blank", Title: titles[p.status].in(lang), Status: p.status, Detail: details[p.key].in(lang)}
	if p.after > 0 {
		seconds := strconv.Itoa(int(math.Ceil(p.after.Seconds())))
		w.Header().Set("Retry-After", seconds)
		if p.status == http.StatusTooManyRequests {
			body.Detail = strings.ReplaceAll(slowDown.in(lang), "{s}", seconds)
		}
	}
	if p.allow != "" {
		w.Header().Set("Allow", p.allow)
	}
	w.Header().Set("Content-Language", lang)
	writeJSON(w, "application/problem+json", p.status, body)
}

func (s sentence) in(lang string) string {
	if lang == "ru" {
		return s.ru
	}
	return s.en
}

// language is the better liked of en and ru by Accept-Language, else en.
func language(r *http.Request) string {
	best, lang := 0.0, "en"
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, weight, weighted := strings.Cut(part, ";")
		tag, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		q := 1.0
		if weighted {
			var err error
			if q, err = strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(weight), "q="), 64); err != nil {
				continue
			}
		}
		if (tag == "ru" || tag == "en") && q > best {
			best, lang = q, tag
		}
	}
	return lang
}

func writeJSON(w http.ResponseWriter, contentType string, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		status, raw = http.StatusInternalServerError, []byte(`{"type":"about:blank","title":"Server error","status":500}`)
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(raw)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the visitor may be gone
}
