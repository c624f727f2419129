package app

// ChatsConfig is what the half of the API about chats needs.
type ChatsConfig struct{}

// chatsAPI answers chats, messages, live, media and the frame.
type chatsAPI struct{}

func newChatsAPI(Config) *chatsAPI { return &chatsAPI{} }
