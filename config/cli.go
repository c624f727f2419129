package config

import (
	"errors"
	"fmt"

	"github.com/alecthomas/kong"

	"switchboard/secret"
)

// CLI is every command and flag of the program.
type CLI struct {
	Serve   Serve   `cmd:"" help:"Run the server."`
	Demo    Demo    `cmd:"" help:"Run a whole company to look at: server, stand-in CRM, people, a site chat."`
	Migrate Migrate `cmd:"" help:"Bring the database's schema up to date, and end."`
	Doctor  Doctor  `cmd:"" help:"Check configuration, database, key file and connections, and say what to mend."`
	Admin   Admin   `cmd:"" help:"Administrators' emergency tools."`

	EnvFile EnvFile          `help:"File with NAME=VALUE lines, used where the environment does not set a name." placeholder:"FILE"`
	Version kong.VersionFlag `help:"Print the version and end."`
}

// Serve is the server.
type Serve struct {
	Server `embed:""`
}

// Migrate needs what the server needs: one environment serves both.
type Migrate struct {
	Server `embed:""`
}

// Doctor checks what Serve would use.
type Doctor struct {
	Server `embed:""`
}

// Admin groups commands for the person at the machine.
type Admin struct {
	Reset AdminReset `cmd:"" help:"Print a link that lets this administrator choose a new password (SET-0)."`
}

// AdminReset restores an administrator's access.
type AdminReset struct {
	Email  string `arg:"" help:"The administrator's e-mail."`
	Server `embed:""`
}

// Server holds the settings of an installation as text; Check types them.
type Server struct {
	Database       secret.String `env:"SWITCHBOARD_DATABASE" placeholder:"sqlite:PATH|postgres://..." help:"Where the data is kept. Default: sqlite:DATA/switchboard.db."`
	Data           string        `env:"SWITCHBOARD_DATA" default:"switchboard-data" placeholder:"DIR" help:"Folder for files, certificates and, by default, database and key."`
	SecretKeyFile  string        `env:"SWITCHBOARD_SECRET_KEY_FILE" placeholder:"FILE" help:"Keys that encrypt tokens; made at first start. Default: DATA/secret.key."`
	Listen         string        `env:"SWITCHBOARD_LISTEN" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on."`
	PublicURL      string        `name:"public-url" env:"SWITCHBOARD_PUBLIC_URL" placeholder:"URL" help:"Address people and messengers open. Default, on loopback only: the listening address."`
	TLS            string        `name:"tls" env:"SWITCHBOARD_TLS" default:"off" placeholder:"auto|files|off" help:"auto: certificates from Let's Encrypt; files: your own; off: plain HTTP, for a proxy in front."`
	TLSCert        string        `name:"tls-cert" env:"SWITCHBOARD_TLS_CERT" placeholder:"FILE" help:"Certificate chain (PEM), with SWITCHBOARD_TLS=files."`
	TLSKey         string        `name:"tls-key" env:"SWITCHBOARD_TLS_KEY" placeholder:"FILE" help:"Its private key (PEM)."`
	AllowPlainHTTP bool          `name:"allow-plain-http" env:"SWITCHBOARD_ALLOW_PLAIN_HTTP" help:"Serve people over unencrypted HTTP although others can reach it."`
	TrustedProxies []string      `env:"SWITCHBOARD_TRUSTED_PROXIES" placeholder:"CIDR,..." help:"Proxies whose X-Forwarded-For is believed."`
	AllowPrivate   []string      `env:"SWITCHBOARD_ALLOW_PRIVATE" placeholder:"HOST|CIDR,..." help:"Places inside your network that the server may call."`
	HubSpotURL     string        `name:"hubspot-url" env:"SWITCHBOARD_HUBSPOT_URL" default:"https://api.hubapi.com" placeholder:"URL" help:"Base of HubSpot's API."`
	TelegramURL    string        `name:"telegram-url" env:"SWITCHBOARD_TELEGRAM_URL" default:"https://api.telegram.org" placeholder:"URL" help:"Base of Telegram's Bot API."`
	LogLevel       string        `env:"SWITCHBOARD_LOG_LEVEL" default:"info" placeholder:"debug|info|warn|error" help:"What is logged."`
}

// Demo is the company to look at. It reads no SWITCHBOARD_ variable: a demo
// never touches an installation's data.
type Demo struct {
	Listen    string `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address of the product."`
	CRMListen string `name:"crm-listen" default:"127.0.0.1:8090" placeholder:"HOST:PORT" help:"Address of the stand-in CRM."`
	Data      string `default:"demo-data" placeholder:"DIR" help:"Folder that keeps everything; demo.json in it holds addresses and passwords."`
	Fresh     bool   `help:"Begin anew: what an earlier demo left in the folder is deleted."`
	LogLevel  string `default:"info" placeholder:"debug|info|warn|error" help:"What is logged."`
}

// Parse reads the arguments and the environment. command is the chosen one in
// words ("serve", "admin reset"). An error is a sentence for the person at the
// terminal; the program then ends with exit code 2. --help and --version print
// and end the program with 0.
func Parse(args []string, version string, options ...kong.Option) (cli *CLI, command string, err error) {
	cli = &CLI{}
	options = append([]kong.Option{
		kong.Name("switchboard"),
		kong.Description("Connects a company's messengers to its CRM."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Vars{"version": version},
	}, options...)
	parser, err := kong.New(cli, options...)
	if err != nil {
		return nil, "", fmt.Errorf("build the command line: %w", err)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return nil, "", fmt.Errorf("%w (switchboard --help lists commands and settings)", err)
	}
	selected := parsed.Selected()
	if selected == nil {
		return nil, "", errors.New("say what to do: serve, demo, migrate, doctor (switchboard --help lists commands)")
	}
	return cli, commandWords(selected), nil
}

// commandWords leaves out the arguments that kong's own text contains.
func commandWords(node *kong.Node) string {
	if node.Parent == nil || node.Parent.Type == kong.ApplicationNode {
		return node.Name
	}
	return commandWords(node.Parent) + " " + node.Name
}
