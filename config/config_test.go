package config_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"switchboard/config"
)

func TestServesOnLoopbackWithoutAnySetting(t *testing.T) {
	settings := mustCheck(t, serve(t))
	got := map[string]string{
		"engine": string(settings.Database.Engine), "path": settings.Database.Path, "key": settings.SecretKeyFile,
		"listen": settings.Listen, "tls": string(settings.TLS.Mode), "hubspot": settings.HubSpotURL, "telegram": settings.TelegramURL,
		"level": settings.LogLevel.String(), "media": settings.MediaDir(),
		"public": settings.PublicURLAt(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4711}).String(),
	}
	want := map[string]string{
		"engine": "sqlite", "path": "switchboard-data/switchboard.db", "key": "switchboard-data/secret.key",
		"listen": "127.0.0.1:8080", "tls": "off", "hubspot": "https://api.hubapi.com", "telegram": "https://api.telegram.org",
		"level": "INFO", "media": "switchboard-data/media", "public": "http://127.0.0.1:4711",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFlagWinsOverEnvironmentOverFileOverDefault(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	text := "# a comment\nSWITCHBOARD_LISTEN=127.0.0.1:1\nSWITCHBOARD_LOG_LEVEL='warn'\n\nSWITCHBOARD_DATA = \"from file\"\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SWITCHBOARD_LISTEN", "127.0.0.1:2")
	t.Setenv("SWITCHBOARD_LOG_LEVEL", "error")
	settings := mustCheck(t, serve(t, "--env-file", file, "--listen=127.0.0.1:3"))
	got := []string{settings.Listen, settings.LogLevel.String(), settings.DataDir, settings.HubSpotURL}
	if diff := cmp.Diff([]string{"127.0.0.1:3", "ERROR", "from file", "https://api.hubapi.com"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestUnknownNameInTheFileIsAMistake(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, []byte("SWITCHBOARD_LISTNE=:80\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := config.Parse([]string{"--env-file", file, "serve"}, "test"); err == nil || !strings.Contains(err.Error(), "there is no setting SWITCHBOARD_LISTNE") {
		t.Errorf("%v", err)
	}
	if _, _, err := config.Parse([]string{"--env-file", file + "x", "serve"}, "test"); err == nil {
		t.Error("a missing file passed in silence")
	}
}

// Each mistake is one sentence that names its variable.
func TestSaysEachMistakeInASentence(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want []string
	}{
		{env("DATABASE", "mysql://u:canary-pw@h/db"), []string{"SWITCHBOARD_DATABASE must begin with"}},
		{env("DATABASE", "postgres://u:canary-pw%@h/db"), []string{"SWITCHBOARD_DATABASE is not a URL"}},
		{env("DATABASE", "postgres://u:canary-pw@h"), []string{"names no database"}},
		{env("DATABASE", "sqlite:"), []string{"comes the path of a file"}},
		{env("DATABASE", "sqlite::memory:"), []string{"comes the path of a file"}},
		{env("DATA", ""), []string{"SWITCHBOARD_DATA is empty"}},
		{env("LISTEN", "8080"), []string{"SWITCHBOARD_LISTEN must look like", "SWITCHBOARD_PUBLIC_URL must say"}},
		{env("LISTEN", "127.0.0.1:http!"), []string{"the port must be a number"}},
		{env("LISTEN", ":8080"), []string{"SWITCHBOARD_PUBLIC_URL must say"}},
		{env("PUBLIC_URL", "chat.example.com"), []string{"must be a URL"}},
		{env("PUBLIC_URL", "https://u:p@chat.example.com"), []string{"plain address"}},
		{env("PUBLIC_URL", "https://example.com/chat"), []string{"must not have a path"}},
		{env("PUBLIC_URL", "http://chat.example.com"), []string{"SWITCHBOARD_ALLOW_PLAIN_HTTP=true"}},
		{env("PUBLIC_URL", "http://chat.example.com", "TLS", "auto"), []string{"write https://"}},
		{env("PUBLIC_URL", "https://192.168.0.7", "TLS", "auto"), []string{"192.168.0.7 is none"}},
		{env("PUBLIC_URL", "https://intranet", "TLS", "auto"), []string{"intranet is none"}},
		{env("TLS", "yes"), []string{"SWITCHBOARD_TLS must be auto, files or off"}},
		{env("TLS", "auto"), []string{"needs SWITCHBOARD_PUBLIC_URL"}},
		{env("TLS", "files", "PUBLIC_URL", "https://chat.example.com"), []string{"needs SWITCHBOARD_TLS_CERT"}},
		{env("TLS_CERT", "a.pem"), []string{"need SWITCHBOARD_TLS=files"}},
		{env("TRUSTED_PROXIES", "10.0.0.0/8,proxy.local"), []string{`"proxy.local" is neither`}},
		{env("TRUSTED_PROXIES", "0.0.0.0/0"), []string{"would believe everybody"}},
		{env("ALLOW_PRIVATE", "http://crm.local"), []string{"SWITCHBOARD_ALLOW_PRIVATE"}},
		{env("HUBSPOT_URL", "http://crm.example.com"), []string{"send tokens unencrypted to crm.example.com"}},
		{env("TELEGRAM_URL", "telegram"), []string{"SWITCHBOARD_TELEGRAM_URL must be a URL"}},
		{env("LOG_LEVEL", "loud"), []string{"SWITCHBOARD_LOG_LEVEL must be"}},
		{env("LISTEN", "x", "TLS", "y", "LOG_LEVEL", "z"), []string{"SWITCHBOARD_LISTEN", "SWITCHBOARD_PUBLIC_URL", "SWITCHBOARD_TLS", "SWITCHBOARD_LOG_LEVEL"}},
	} {
		t.Run(fmt.Sprint(c.env), func(t *testing.T) {
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			_, err := serve(t).Check()
			var mistakes config.Mistakes
			if !errors.As(err, &mistakes) || len(mistakes) != len(c.want) {
				t.Fatalf("got %q, want %d mistakes", err, len(c.want))
			}
			for i, want := range c.want {
				if !strings.Contains(mistakes[i], want) || !strings.HasSuffix(mistakes[i], ".") || strings.Contains(mistakes[i], "canary-pw") {
					t.Errorf("%q, want a sentence with %q and no password", mistakes[i], want)
				}
			}
		})
	}
}

func TestTakesWhatIsMeant(t *testing.T) {
	for _, given := range []map[string]string{
		env("DATABASE", "postgres://u:p@h/db"),
		env("DATABASE", "postgresql:///db?host=/run/postgresql"),
		env("DATABASE", "sqlite:///var/lib/switchboard.db"),
		env("LISTEN", "[::1]:0"),
		env("LISTEN", ":443", "PUBLIC_URL", "https://chat.example.com/", "TLS", "auto"),
		env("LISTEN", ":443", "PUBLIC_URL", "https://192.168.0.7", "TLS", "files", "TLS_CERT", "a", "TLS_KEY", "b"),
		env("LISTEN", ":8080", "PUBLIC_URL", "https://chat.example.com", "TRUSTED_PROXIES", "10.0.0.1, fd00::/8"),
		env("LISTEN", ":8080", "PUBLIC_URL", "http://192.168.0.7:8080", "ALLOW_PLAIN_HTTP", "true"),
		env("HUBSPOT_URL", "http://127.0.0.1:8090/", "TELEGRAM_URL", "http://localhost:8091"),
		env("HUBSPOT_URL", "http://sandbox:8090", "ALLOW_PRIVATE", "sandbox"),
		env("HUBSPOT_URL", "http://10.1.2.3:8090", "ALLOW_PRIVATE", "10.0.0.0/8"),
	} {
		t.Run(fmt.Sprint(given), func(t *testing.T) {
			for name, value := range given {
				t.Setenv(name, value)
			}
			settings := mustCheck(t, serve(t))
			if strings.HasSuffix(settings.HubSpotURL, "/") || settings.PublicURL != nil && settings.PublicURL.Path != "" {
				t.Error("a slash is left at a base URL's end")
			}
		})
	}
}

// P13: a database password is in no help, error or log.
func TestDatabasePasswordIsNeverShown(t *testing.T) {
	t.Setenv("SWITCHBOARD_DATABASE", "postgres://u:canary-pw@h/db")
	var out strings.Builder
	server := serve(t)
	settings := mustCheck(t, server)
	slog.New(slog.NewTextHandler(&out, nil)).Info("start", "settings", settings, "server", server)
	fmt.Fprintf(&out, "%v %+v %#v %v", settings, settings, server, settings.Database)
	_, _, err := config.Parse([]string{"serve", "--help"}, "test", kong.Writers(&out, &out), kong.Exit(func(int) {}))
	fmt.Fprint(&out, err)
	if strings.Contains(out.String(), "canary-pw") || !strings.Contains(out.String(), "SWITCHBOARD_DATABASE") {
		t.Error(out.String())
	}
	if settings.Database.URL.Reveal() != "postgres://u:canary-pw@h/db" {
		t.Error("the URL is lost")
	}
}

func TestNamesTheCommand(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"serve"}, "serve"},
		{[]string{"demo", "--fresh"}, "demo"},
		{[]string{"migrate"}, "migrate"},
		{[]string{"doctor"}, "doctor"},
		{[]string{"admin", "reset", "anna@example.com"}, "admin reset"},
	} {
		if _, command, err := config.Parse(c.args, "test"); err != nil || command != c.want {
			t.Errorf("%v: %q, %v", c.args, command, err)
		}
	}
	for _, args := range [][]string{{}, {"server"}, {"serve", "--lissen=:80"}, {"admin", "reset"}} {
		if _, _, err := config.Parse(args, "test"); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v, want one sentence", args, err)
		}
	}
}

func TestDemoKeepsAwayFromAnInstallation(t *testing.T) {
	t.Setenv("SWITCHBOARD_DATA", "/var/lib/switchboard")
	t.Setenv("SWITCHBOARD_LISTEN", ":443")
	cli, _, err := config.Parse([]string{"demo", "--crm-listen", "127.0.0.1:9"}, "test")
	if err != nil {
		t.Fatal(err)
	}
	want := config.Demo{Listen: "127.0.0.1:8080", CRMListen: "127.0.0.1:9", Data: "demo-data", LogLevel: "info"}
	if diff := cmp.Diff(want, cli.Demo); diff != "" {
		t.Error(diff)
	}
	if _, err := cli.Demo.Check(); err != nil {
		t.Error(err)
	}
	if _, err := (config.Demo{Listen: ":1", CRMListen: ":1", LogLevel: "x"}).Check(); err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("%v, want three mistakes", err)
	}
}

func env(pairs ...string) map[string]string {
	made := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		made["SWITCHBOARD_"+pairs[i]] = pairs[i+1]
	}
	return made
}

func serve(t *testing.T, args ...string) config.Server {
	t.Helper()
	cli, _, err := config.Parse(append([]string{"serve"}, args...), "test")
	if err != nil {
		t.Fatal(err)
	}
	return cli.Serve.Server
}

func mustCheck(t *testing.T, server config.Server) config.Settings {
	t.Helper()
	settings, err := server.Check()
	if err != nil {
		t.Fatal(err)
	}
	return settings
}

// The operator's page names every setting, and none that does not exist.
func TestTheOperatorsPageNamesEverySetting(t *testing.T) {
	page, err := os.ReadFile("../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	parser, err := kong.New(&config.CLI{}, kong.Vars{"version": "test"})
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, command := range parser.Model.Leaves(true) {
		for _, flag := range command.Flags {
			for _, name := range flag.Envs {
				known[name] = true
			}
		}
	}
	named := map[string]bool{}
	for _, name := range regexp.MustCompile(`SWITCHBOARD_[A-Z_]+`).FindAllString(string(page), -1) {
		named[name] = true
	}
	if diff := cmp.Diff(known, named); diff != "" {
		t.Error(diff)
	}
}
