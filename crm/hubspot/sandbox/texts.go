package sandbox

import (
	"net/http"
	"strings"
)

const languageCookie = "sandbox_lang"

// texts of the pages: English, Russian.
var texts = map[string][2]string{
	"brand":              {"Sandbox CRM", "Песочница CRM"},
	"brand.hint":         {"a stand-in for HubSpot", "вместо HubSpot"},
	"contacts":           {"Contacts", "Контакты"},
	"deals":              {"Deals", "Сделки"},
	"leads":              {"Leads", "Лиды"},
	"contact":            {"Contact", "Контакт"},
	"deal":               {"Deal", "Сделка"},
	"lead":               {"Lead", "Лид"},
	"settings":           {"Settings", "Настройки"},
	"control":            {"Faults", "Сбои"},
	"allChats":           {"All chats", "Все чаты"},
	"signedInAs":         {"Signed in as", "Вы вошли как"},
	"save":               {"Save", "Сохранить"},
	"close":              {"Close", "Закрыть"},
	"search":             {"Search", "Найти"},
	"searchHint":         {"Name, e-mail or phone", "Имя, почта или телефон"},
	"searchDeals":        {"Deal name", "Название сделки"},
	"nothing":            {"Nothing here yet. A message from a new client will appear by itself.", "Пока пусто. Обращение нового клиента появится само."},
	"nothingFound":       {"Nothing found.", "Ничего не найдено."},
	"older":              {"Older", "Раньше"},
	"newer":              {"Newer", "Позже"},
	"name":               {"Name", "Имя"},
	"email":              {"E-mail", "Почта"},
	"phone":              {"Phone", "Телефон"},
	"mobilephone":        {"Mobile phone", "Мобильный"},
	"company":            {"Company", "Компания"},
	"firstname":          {"First name", "Имя"},
	"lastname":           {"Last name", "Фамилия"},
	"dealname":           {"Deal name", "Название сделки"},
	"amount":             {"Amount", "Сумма"},
	"closedate":          {"Close date", "Дата закрытия"},
	"owner":              {"Owner", "Ответственный"},
	"noOwner":            {"No owner", "Нет ответственного"},
	"goneOwner":          {"removed user", "пользователь удалён"},
	"created":            {"Created", "Создан"},
	"modified":           {"Last modified", "Изменён"},
	"recordID":           {"Record ID", "ID записи"},
	"lifecycle":          {"Lifecycle stage", "Этап жизненного цикла"},
	"pipeline":           {"Pipeline", "Воронка"},
	"stage":              {"Stage", "Этап"},
	"closedStage":        {"closed", "закрыта"},
	"about":              {"About", "О записи"},
	"allProps":           {"All properties", "Все свойства"},
	"edit":               {"Edit", "Изменить"},
	"delete":             {"Delete", "Удалить"},
	"deleteAsk":          {"Delete this record", "Удалить эту запись"},
	"addContact":         {"Create contact", "Создать контакт"},
	"addDeal":            {"Create deal", "Создать сделку"},
	"noDeals":            {"No deals", "Сделок нет"},
	"noContacts":         {"No contacts", "Контактов нет"},
	"noLeads":            {"No leads", "Лидов нет"},
	"activity":           {"Activity", "Активность"},
	"filter":             {"Filter activity", "Фильтр активности"},
	"f.WHATS_APP":        {"WhatsApp messages", "Сообщения WhatsApp"},
	"f.SMS":              {"SMS", "SMS"},
	"f.LINKEDIN_MESSAGE": {"LinkedIn messages", "Сообщения LinkedIn"},
	"f.NOTE":             {"Notes", "Заметки"},
	"e.WHATS_APP":        {"WhatsApp message", "Сообщение WhatsApp"},
	"e.SMS":              {"SMS", "SMS"},
	"e.LINKEDIN_MESSAGE": {"LinkedIn message", "Сообщение LinkedIn"},
	"e.NOTE":             {"Note", "Заметка"},
	"by":                 {"by", "—"},
	"edited":             {"changed", "изменено"},
	"onRecords":          {"On records", "В записях"},
	"noActivity":         {"No activity yet", "Активности пока нет"},
	"hiddenAll":          {"The filter hides entries: tick their kind above.", "Часть записей скрыта фильтром: отметьте их вид выше."},
	"moreEntries":        {"Show older entries", "Показать более ранние"},
	"expandAll":          {"Expand all", "Развернуть всё"},
	"addNote":            {"Add a note", "Добавить заметку"},
	"noteHint":           {"What happened?", "Что произошло?"},
	"chat":               {"Switchboard chat", "Чат Switchboard"},
	"chat.hint":          {"The conversation with this client, in the connected app.", "Переписка с клиентом в подключённом приложении."},
	"chat.open":          {"Open chat", "Открыть чат"},
	"chat.loading":       {"Asking the app for a link…", "Запрашиваем ссылку у приложения…"},
	"chat.retry":         {"Try again", "Повторить"},
	"card.unset":         {"The app is not connected: give its address and secret in Settings.", "Приложение не подключено: укажите его адрес и секрет в настройках."},
	"card.origin":        {"The app answered with a link that may not be shown in a frame. Permit its origin in Settings.", "Приложение дало ссылку, которую нельзя показать во фрейме. Разрешите её адрес в настройках."},
	"card.unreachable":   {"The app does not answer at its address.", "Приложение не отвечает по своему адресу."},
	"card.slow":          {"The app did not answer within 15 seconds.", "Приложение не ответило за 15 секунд."},
	"card.large":         {"The app's answer is greater than 1 MB.", "Ответ приложения больше 1 МБ."},
	"card.signature":     {"The app did not accept the signature: compare the secret in Settings.", "Приложение не приняло подпись: сверьте секрет в настройках."},
	"card.forbidden":     {"The app does not let this user see the chat.", "Приложение не показывает этот чат этому пользователю."},
	"card.missing":       {"The app knows no chat for this record.", "У приложения нет чата для этой записи."},
	"card.noLink":        {"The app answered without a link.", "Приложение ответило без ссылки."},
	"card.broken":        {"The app failed to answer.", "В приложении произошла ошибка."},
	"card.refused":       {"The app refused.", "Приложение отказало."},
	"set.app":            {"Connected app", "Подключённое приложение"},
	"set.url":            {"Public address of the app", "Публичный адрес приложения"},
	"set.secret":         {"App secret (signs the card's requests)", "Секрет приложения (подписывает запросы карточки)"},
	"set.secretKept":     {"kept; type to replace", "сохранён; введите, чтобы заменить"},
	"set.path":           {"Path of the card's request", "Путь запроса карточки"},
	"set.frames":         {"Origins allowed in the frame, one a line (empty: the app's own)", "Адреса, разрешённые во фрейме, по одному в строке (пусто: адрес приложения)"},
	"set.users":          {"Users", "Пользователи"},
	"set.remove":         {"Remove", "Удалить"},
	"set.restore":        {"Restore", "Вернуть"},
	"set.removed":        {"removed", "удалён"},
	"saved":              {"Saved.", "Сохранено."},
	"ctl.state":          {"Service", "Сервис"},
	"ctl.up":             {"works", "работает"},
	"ctl.503":            {"down: answers 503", "не работает: отвечает 503"},
	"ctl.cut":            {"down: cuts connections", "не работает: обрывает соединения"},
	"ctl.lag":            {"Search lag, milliseconds", "Задержка поиска, мс"},
	"ctl.limits":         {"Enforce call limits", "Ограничивать частоту вызовов"},
	"ctl.leads":          {"Leads are available", "Лиды доступны"},
	"ctl.unique":         {"Refuse unique properties on notes and communications", "Отклонять уникальные свойства у заметок и сообщений"},
	"ctl.rules":          {"Rules", "Правила"},
	"ctl.addRule":        {"Add rule", "Добавить правило"},
	"ctl.kind":           {"Fault", "Сбой"},
	"ctl.method":         {"Method", "Метод"},
	"ctl.path":           {"Path (* is any run)", "Путь (* — любая часть)"},
	"ctl.next":           {"Next calls", "Следующих вызовов"},
	"ctl.probability":    {"or probability, 0–1", "или вероятность, 0–1"},
	"ctl.fired":          {"fired", "сработало"},
	"ctl.clear":          {"Forget all faults", "Убрать все сбои"},
	"ctl.calls":          {"Last calls", "Последние вызовы"},
	"n.calls":            {"calls in all", "вызовов всего"},
	"n.lastTen":          {"in the last 10 s", "за последние 10 с"},
	"n.peakTen":          {"most in 10 s", "максимум за 10 с"},
	"n.peakSearch":       {"most searches in 1 s", "максимум поисков за 1 с"},
	"n.today":            {"today", "сегодня"},
	"n.perTen":           {"in 10 s", "за 10 с"},
	"n.perDay":           {"a day", "в сутки"},
	"n.limited":          {"refused by limits", "отклонено лимитом"},
	"ctl.any":            {"any", "любой"},
	"missing":            {"There is no such record.", "Такой записи нет."},
	"missing.hint":       {"It may have been deleted or merged.", "Возможно, её удалили или объединили."},
	"noLink":             {"Live updates paused: no connection", "Обновления остановлены: нет связи"},
}

// text gives a page's text in a language.
func pageText(lang, key string) string {
	pair, ok := texts[key]
	if !ok {
		return key
	}
	if lang == "ru" {
		return pair[1]
	}
	return pair[0]
}

// languageOf reads ?lang=, then the cookie, then Accept-Language.
func languageOf(w http.ResponseWriter, r *http.Request) string {
	if asked := r.URL.Query().Get("lang"); asked == "ru" || asked == "en" {
		http.SetCookie(w, &http.Cookie{Name: languageCookie, Value: asked, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
		return asked
	}
	if c, err := r.Cookie(languageCookie); err == nil && (c.Value == "ru" || c.Value == "en") {
		return c.Value
	}
	if strings.HasPrefix(strings.ToLower(strings.TrimSpace(r.Header.Get("Accept-Language"))), "ru") {
		return "ru"
	}
	return "en"
}
