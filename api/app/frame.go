package app

import (
	"context"
	"fmt"

	"switchboard"
	"switchboard/secret"
)

// OpenFrame exchanges the card's one-time code for a bearer.
func (a *chatsAPI) OpenFrame(ctx context.Context, r OpenFrameRequestObject) (OpenFrameResponseObject, error) {
	token, s, err := a.chats.Frames.Open(ctx, secret.New(r.Body.Code), visitOf(ctx).device)
	if err != nil {
		return nil, err
	}
	answer, err := a.frameSession(ctx, token, s)
	return OpenFrame200JSONResponse(answer), err
}

// RenewFrame gives the next bearer for the present one.
func (a *chatsAPI) RenewFrame(ctx context.Context, _ RenewFrameRequestObject) (RenewFrameResponseObject, error) {
	token, s, err := a.chats.Frames.Renew(ctx, ViewerOf(ctx).Session, visitOf(ctx).device)
	if err != nil {
		return nil, err
	}
	answer, err := a.frameSession(ctx, token, s)
	return RenewFrame200JSONResponse(answer), err
}

func (a *chatsAPI) frameSession(ctx context.Context, token secret.String, s switchboard.Session) (FrameSession, error) {
	v, err := a.viewer(ctx, s)
	if err != nil {
		return FrameSession{}, fmt.Errorf("read viewer: %w", err)
	}
	session, err := a.session(ctx, v)
	return FrameSession{Token: token.Reveal(), ExpiresAt: stamp(s.ExpiresAt), Session: session}, err
}
