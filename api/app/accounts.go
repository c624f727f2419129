package app

// accountsAPI answers sign-in, employees, settings, channels and the CRM connection.
type accountsAPI struct {
	Config
	StrictServerInterface
}

func newAccountsAPI(c Config) *accountsAPI { return &accountsAPI{Config: c} }
