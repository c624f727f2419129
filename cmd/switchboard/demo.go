package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"switchboard/config"
	"switchboard/crm/hubspot/sandbox"
	"switchboard/safehttp"
	"switchboard/store"
)

// demoFile is what DIR/demo.json holds, for people and for tests.
type demoFile struct {
	AppURL     string         `json:"appURL"`
	CRMURL     string         `json:"crmURL"`
	CRMToken   string         `json:"crmToken"`
	WidgetURL  string         `json:"widgetURL"`
	ChannelKey string         `json:"channelKey"`
	Employees  []demoEmployee `json:"employees"`
	// AppSecret signs what the stand-in's chat card fetches.
	AppSecret string `json:"appSecret"`
}

type demoEmployee struct {
	Name     string `json:"name"`
	Email    string `json:"email"`
	Password string `json:"password"`
	Role     string `json:"role"`
	Admin    bool   `json:"admin"`
	OwnerID  string `json:"ownerId"`
}

// demo runs a whole company on loopback: the product on an embedded database, a
// stand-in CRM, a site chat and five employees. It survives a restart with its data.
func demo(ctx context.Context, d config.Demo) error {
	level, err := d.Check()
	if err != nil {
		return mistake{err}
	}
	slog.SetDefault(logger(level))
	if d.Fresh {
		if err := clearDemo(d.Data); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(d.Data, 0o700); err != nil {
		return mistake{fmt.Errorf("make the demo's folder: %w", err)}
	}
	listener, crmListener, err := demoListeners(ctx, d)
	if err != nil {
		return err
	}
	defer listener.Close()
	defer crmListener.Close()
	file, err := readDemo(d.Data)
	if err != nil {
		return err
	}
	file.AppURL, file.CRMURL = "http://"+listener.Addr().String(), "http://"+crmListener.Addr().String()
	stop, err := startSandbox(d.Data, crmListener, file)
	if err != nil {
		return err
	}
	defer stop()
	return runDemo(ctx, d, listener, file, level)
}

// clearDemo deletes what an earlier demo left, and nothing else; not under a demo that
// is still running.
func clearDemo(dir string) error {
	if err := store.Free(filepath.Join(dir, "switchboard.db")); err != nil {
		return err
	}
	for _, name := range []string{"demo.json", "switchboard.db", "switchboard.db-wal", "switchboard.db-shm",
		"secret.key", "media", "sandbox"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return mistake{fmt.Errorf("delete the earlier demo: %w", err)}
		}
	}
	return nil
}

func demoListeners(ctx context.Context, d config.Demo) (app, crm net.Listener, err error) {
	if app, err = (&net.ListenConfig{}).Listen(ctx, "tcp", d.Listen); err != nil {
		return nil, nil, mistake{fmt.Errorf("listen on %s: %w (choose another address with --listen)", d.Listen, err)}
	}
	if crm, err = (&net.ListenConfig{}).Listen(ctx, "tcp", d.CRMListen); err != nil {
		app.Close()
		return nil, nil, mistake{fmt.Errorf("listen on %s: %w (choose another address with --crm-listen)", d.CRMListen, err)}
	}
	return app, crm, nil
}

func readDemo(dir string) (f demoFile, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "demo.json"))
	if errors.Is(err, os.ErrNotExist) {
		f.CRMToken, f.AppSecret = "pat-demo-"+rand.Text(), rand.Text()
		return f, nil
	}
	if err != nil {
		return f, mistake{fmt.Errorf("read demo.json: %w", err)}
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return f, mistake{errors.New("demo.json cannot be read: start again with --fresh")}
	}
	return f, nil
}

func (f demoFile) write(dir string) error {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("encode demo.json: %w", err)
	}
	path := filepath.Join(dir, "demo.json")
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return fmt.Errorf("write demo.json: %w", err)
	}
	return os.Rename(path+".new", path)
}

// demoOwners are the CRM's users; the product imports them as employees.
var demoOwners = []sandbox.Owner{
	{ID: "501", UserID: 9501, Email: "anna@demo.example", FirstName: "Anna", LastName: "Ivanova"},
	{ID: "502", UserID: 9502, Email: "boris@demo.example", FirstName: "Boris", LastName: "Petrov"},
	{ID: "503", UserID: 9503, Email: "vera@demo.example", FirstName: "Vera", LastName: "Smirnova"},
	{ID: "504", UserID: 9504, Email: "sofia@demo.example", FirstName: "Sofia", LastName: "Orlova"},
	{ID: "505", UserID: 9505, Email: "kirill@demo.example", FirstName: "Kirill", LastName: "Volkov"},
}

func startSandbox(dir string, listener net.Listener, f demoFile) (stop func(), err error) {
	u, err := url.Parse(f.CRMURL)
	if err != nil {
		return nil, fmt.Errorf("parse the stand-in's address: %w", err)
	}
	box, err := sandbox.New(sandbox.Config{Dir: filepath.Join(dir, "sandbox"), PublicURL: f.CRMURL, Log: slog.Default(), Language: demoLanguage(),
		Portal: sandbox.Portal{UIDomain: u.Host}, Owners: demoOwners,
		Tokens:   []sandbox.Token{{Value: sandbox.Secret(f.CRMToken)}},
		Settings: sandbox.Settings{AppURL: f.AppURL, AppSecret: sandbox.Secret(f.AppSecret)}})
	if err != nil {
		return nil, fmt.Errorf("start the stand-in CRM: %w", err)
	}
	server := &http.Server{Handler: box.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			slog.Error("the stand-in CRM ended", "error", err)
		}
	}()
	return func() {
		server.Close()
		if err := box.Close(); err != nil {
			slog.Error("close the stand-in CRM", "error", err)
		}
	}, nil
}

// demoLanguage follows the person's own settings.
func demoLanguage() string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			if len(v) >= 2 && v[:2] == "ru" {
				return "ru"
			}
			return "en"
		}
	}
	return "en"
}

func runDemo(ctx context.Context, d config.Demo, listener net.Listener, f demoFile, level slog.Level) error {
	crm, err := url.Parse(f.CRMURL)
	if err != nil {
		return fmt.Errorf("parse the stand-in's address: %w", err)
	}
	public, err := url.Parse(f.AppURL)
	if err != nil {
		return fmt.Errorf("parse the app's address: %w", err)
	}
	allow, err := safehttp.ParseAllowed([]string{crm.Hostname()})
	if err != nil {
		return fmt.Errorf("allow the stand-in: %w", err)
	}
	s := config.Settings{Database: config.Database{Engine: config.SQLite, Path: filepath.Join(d.Data, "switchboard.db")}, DataDir: d.Data,
		SecretKeyFile: filepath.Join(d.Data, "secret.key"), Listen: d.Listen, PublicURL: public, TLS: config.TLS{Mode: config.TLSOff},
		Allow: allow, HubSpotURL: f.CRMURL, TelegramURL: "https://api.telegram.org", LogLevel: level}
	db, err := openStore(ctx, s)
	if err != nil {
		return err
	}
	defer db.Close()
	a, err := newApplication(s, public, db)
	if err != nil {
		return err
	}
	a.crm.appSecret, a.frameOrigins = f.AppSecret, []string{f.CRMURL}
	seed := &demoSeed{application: a, file: &f}
	if err := seed.run(ctx); err != nil {
		return fmt.Errorf("prepare the demo: %w", err)
	}
	if err := f.write(d.Data); err != nil {
		return err
	}
	f.tell(d.Data)
	return a.serveOn(ctx, listener)
}

// tell prints what to open.
func (f demoFile) tell(dir string) {
	fmt.Printf("\nSwitchboard demo\n\n  1. Write as a client:     %s\n  2. Answer as a manager:   %s\n  3. See it in the CRM:     %s\n\n",
		f.WidgetURL, f.AppURL, f.CRMURL)
	for _, e := range f.Employees {
		admin := ""
		if e.Admin {
			admin = ", administrator"
		}
		fmt.Printf("  %-16s %-22s %-16s %s%s\n", e.Name, e.Email, e.Password, e.Role, admin)
	}
	fmt.Printf("\n  The same for programs: %s\n\n", filepath.Join(dir, "demo.json"))
}
