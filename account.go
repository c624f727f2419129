package switchboard

// Account is one company. Every row, key, file and socket belongs to exactly one.
type Account struct {
	ID       AccountID
	Name     string
	Settings AccountSettings
	// SettingsVersion grows by one with every change of the account's, a channel's
	// or a role's settings.
	SettingsVersion int64
}
