package app

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"switchboard"
	"switchboard/channel"
	"switchboard/secret"
)

// Start tells a visitor whether the server was claimed.
func (a *accountsAPI) Start(ctx context.Context, _ StartRequestObject) (StartResponseObject, error) {
	claimed, err := a.Store.HasAccount(ctx, nil)
	return Start200JSONResponse{Claimed: claimed, Version: ref(a.Version)}, err
}

// SetUp claims the server and signs in (SET-0).
func (a *accountsAPI) SetUp(ctx context.Context, r SetUpRequestObject) (SetUpResponseObject, error) {
	first := switchboard.Employee{Name: r.Body.Name, Email: r.Body.Email, Locale: textRef(r.Body.Locale)}
	token, s, err := a.Auth.SetUp(ctx, secret.New(r.Body.Token), r.Body.Company, first, secret.New(r.Body.Password), visitOf(ctx).device)
	if err != nil {
		return nil, err
	}
	answer, err := a.signedIn(ctx, token, s)
	return SetUp200JSONResponse{answer}, err
}

// maxSignInText bounds what is compared at sign-in, in bytes.
const maxSignInText = 800

// SignIn begins a session.
func (a *accountsAPI) SignIn(ctx context.Context, r SignInRequestObject) (SignInResponseObject, error) {
	for field, text := range map[string]string{"email": r.Body.Email, "password": r.Body.Password} {
		if len(text) > maxSignInText {
			return nil, invalid(field)
		}
	}
	token, s, err := a.Auth.SignIn(ctx, r.Body.Email, secret.New(r.Body.Password), visitOf(ctx).device)
	if err != nil {
		return nil, err
	}
	answer, err := a.signedIn(ctx, token, s)
	return SignIn200JSONResponse{answer}, err
}

// SignOut ends the session, whatever state it is in.
func (a *accountsAPI) SignOut(ctx context.Context, _ SignOutRequestObject) (SignOutResponseObject, error) {
	visit := visitOf(ctx)
	if err := a.Auth.SignOut(ctx, visit.token); err != nil {
		return nil, err
	}
	visit.header.Set("Set-Cookie", a.cookie(secret.String{}, time.Time{}))
	return SignOut204Response{}, nil
}

// ReadInvitation tells whom a link is for.
func (a *accountsAPI) ReadInvitation(ctx context.Context, r ReadInvitationRequestObject) (ReadInvitationResponseObject, error) {
	link, err := a.Auth.ReadLink(ctx, secret.New(r.Token))
	if err != nil {
		return nil, err
	}
	account, err := a.Store.Account(ctx, nil, link.Account)
	if err != nil {
		return nil, fmt.Errorf("read account: %w", err)
	}
	employee, err := a.Store.Employee(ctx, nil, link.Account, link.Employee)
	if err != nil {
		return nil, fmt.Errorf("read employee: %w", err)
	}
	return ReadInvitation200JSONResponse{Company: account.Name, Name: employee.Name, Email: employee.Email,
		Kind: InvitationInfoKind(link.Kind)}, nil
}

// AcceptInvitation sets the password and signs in.
func (a *accountsAPI) AcceptInvitation(ctx context.Context, r AcceptInvitationRequestObject) (AcceptInvitationResponseObject, error) {
	token, s, err := a.Auth.AcceptLink(ctx, secret.New(r.Token), secret.New(r.Body.Password), textRef(r.Body.Locale), visitOf(ctx).device)
	if err != nil {
		return nil, err
	}
	answer, err := a.signedIn(ctx, token, s)
	return AcceptInvitation200JSONResponse{answer}, err
}

// ReadSession tells who is signed in and what they may see.
func (a *accountsAPI) ReadSession(ctx context.Context, _ ReadSessionRequestObject) (ReadSessionResponseObject, error) {
	session, err := a.session(ctx, ViewerOf(ctx))
	return ReadSession200JSONResponse{SessionAnswerJSONResponse{Body: session}}, err
}

// ChangeSession changes the viewer's own language.
func (a *accountsAPI) ChangeSession(ctx context.Context, r ChangeSessionRequestObject) (ChangeSessionResponseObject, error) {
	v := ViewerOf(ctx)
	err := a.Store.InTx(ctx, func(tx switchboard.Tx) (err error) {
		if v.Person, err = a.Store.LockEmployee(ctx, tx, v.Account, v.Employee); err != nil {
			return fmt.Errorf("read employee: %w", err)
		}
		if locale := textRef(r.Body.Locale); locale != "" && locale != v.Person.Locale {
			v.Person.Locale = locale
			return a.Store.SaveEmployee(ctx, tx, v.Account, v.Person)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	session, err := a.session(ctx, v)
	return ChangeSession200JSONResponse{SessionAnswerJSONResponse{Body: session}}, err
}

// signedIn answers with a fresh session and its cookie. The token is in the cookie
// only.
func (a *accountsAPI) signedIn(ctx context.Context, token secret.String, s switchboard.Session) (answer SessionAnswerJSONResponse, err error) {
	v, err := a.viewer(ctx, s)
	if err != nil {
		return answer, err
	}
	answer.Body, err = a.session(ctx, v)
	answer.Headers.SetCookie = ref(a.cookie(token, s.ExpiresAt))
	return answer, err
}

// viewer reads who a session belongs to, with the present roles.
func (c Config) viewer(ctx context.Context, s switchboard.Session) (v Viewer, err error) {
	v.Session = s
	v.Account, v.Viewer.Employee = s.Account, s.Employee
	if v.Person, err = c.Store.Employee(ctx, nil, s.Account, s.Employee); err != nil {
		return Viewer{}, fmt.Errorf("read employee: %w", err)
	}
	if !v.Person.Active {
		return Viewer{}, errUnauthorized
	}
	v.Admin = v.Person.Admin && s.Kind == switchboard.SessionCookie
	if v.Roles, err = c.Store.RolesOf(ctx, nil, s.Account, s.Employee); err != nil {
		return Viewer{}, fmt.Errorf("read roles: %w", err)
	}
	return v, nil
}

// session describes a viewer's session on one snapshot: the live stream goes on after
// its event.
func (c Config) session(ctx context.Context, v Viewer) (s Session, err error) {
	s.Employee = Me{Id: string(v.Employee), Name: v.Person.Name, Email: v.Person.Email, Admin: v.Admin, Locale: ref(v.Person.Locale)}
	if contact, framed := v.Frame(); framed {
		s.Contact = ref(string(contact))
	}
	err = c.Store.View(ctx, func(tx switchboard.Tx) error {
		account, err := c.Store.Account(ctx, tx, v.Account)
		if err != nil {
			return fmt.Errorf("read account: %w", err)
		}
		s.Account.Id, s.Account.Name = string(account.ID), account.Name
		if s.Event, err = c.Store.Head(ctx, tx, v.Account); err != nil {
			return fmt.Errorf("read head: %w", err)
		}
		_, connected, err := c.connection(ctx, tx, v.Account)
		if err != nil {
			return fmt.Errorf("read connection: %w", err)
		}
		s.CrmConnected = &connected
		s.Channels, err = c.myChannels(ctx, tx, v)
		return err
	})
	return s, err
}

// myChannels lists the channels on which the viewer has a role (ROLE-2).
func (c Config) myChannels(ctx context.Context, tx switchboard.Tx, v Viewer) ([]MyChannel, error) {
	roles, err := c.Store.RolesOf(ctx, tx, v.Account, v.Employee)
	if err != nil {
		return nil, fmt.Errorf("read roles: %w", err)
	}
	channels, err := c.Store.Channels(ctx, tx, v.Account)
	if err != nil {
		return nil, fmt.Errorf("read channels: %w", err)
	}
	mine := []MyChannel{}
	for _, ch := range channels {
		role := roles[ch.ID]
		if !role.Valid() {
			continue
		}
		mine = append(mine, MyChannel{Id: string(ch.ID), Name: ch.Name, Transport: string(ch.Transport), Role: Role(role),
			State: MyChannelState(ch.State), Capabilities: c.capabilities(ch.Transport)})
	}
	return mine, nil
}

func (c Config) capabilities(t switchboard.Transport) Capabilities {
	connector, err := c.Channels.Connector(t)
	if err != nil {
		return Capabilities{TextUnit: Runes, Media: map[string]int64{}}
	}
	return capabilitiesOf(connector.Capabilities())
}

func capabilitiesOf(c channel.Capabilities) Capabilities {
	media := map[string]int64{}
	for _, kind := range slices.Sorted(maps.Keys(c.Media)) {
		media[string(kind)] = c.Media[kind]
	}
	return Capabilities{TextMax: c.TextMax, TextUnit: CapabilitiesTextUnit(c.TextUnit), CaptionMax: c.CaptionMax, Media: media,
		Quote: c.Quote, StartsChat: c.StartsChat, Delivered: &c.Delivered, Read: &c.Read}
}

// textRef gives the text of an optional field, "" when it is absent.
func textRef[T ~string](v *T) string {
	if v == nil {
		return ""
	}
	return string(*v)
}
