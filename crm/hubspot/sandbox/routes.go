package sandbox

import (
	"net/http"
	"slices"
)

// endpoint is one API operation.
type endpoint struct {
	pattern string
	run     func(*call) answer
	scope   func(*call) []string // any one of these is enough
	write   bool
	search  bool // counts against the search limit, carries no rate headers
	records bool // {type} names the kind of record it works on
	open    bool // needs no token
}

const (
	objectPath   = " /crm/objects/" + apiVersion + "/{type}"
	assocPath    = " /crm/associations/" + apiVersion + "/{type}/{to}"
	propertyPath = " /crm/properties/" + apiVersion + "/{type}"
	pipelinePath = " /crm/pipelines/" + apiVersion + "/{type}"
	ownerPath    = " /crm/owners/" + apiVersion
)

// endpoints is the API: what there is, and what a token must be allowed.
func (s *Server) endpoints() []endpoint {
	read := func(pattern string, run func(*call) answer) endpoint {
		return endpoint{pattern: pattern, run: run, scope: recordScope("read"), records: true}
	}
	write := func(pattern string, run func(*call) answer) endpoint {
		return endpoint{pattern: pattern, run: run, scope: recordScope("write"), records: true, write: true}
	}
	search := read("POST"+objectPath+"/search", s.searchRecords)
	search.search = true
	return slices.Concat([]endpoint{
		read("GET"+objectPath, s.listRecords),
		write("POST"+objectPath, s.createRecord),
		read("GET"+objectPath+"/{id}", s.readRecord),
		write("PATCH"+objectPath+"/{id}", s.patchRecord),
		write("DELETE"+objectPath+"/{id}", s.archiveRecord),
		search,
		write("POST"+objectPath+"/batch/create", s.batchCreate),
		read("POST"+objectPath+"/batch/read", s.batchRead),
		write("POST"+objectPath+"/batch/update", s.batchUpdate),
		write("POST"+objectPath+"/batch/upsert", s.batchUpsert),
		write("POST"+objectPath+"/batch/archive", s.batchArchive),
		write("POST"+objectPath+"/gdpr-delete", s.eraseContact),
		write("POST"+objectPath+"/merge", s.mergeRecords),
	}, s.associationEndpoints(), s.accountEndpoints())
}

func (s *Server) associationEndpoints() []endpoint {
	one := func(pattern, right string, run func(*assocCall) answer) endpoint {
		return endpoint{pattern: pattern, run: s.between(run), scope: recordScope(right), write: right == "write"}
	}
	return []endpoint{
		one("PUT"+objectPath+"/{id}/associations/default/{to}/{toID}", "write", s.associateDefault),
		one("PUT"+objectPath+"/{id}/associations/{to}/{toID}", "write", s.associateLabelled),
		one("DELETE"+objectPath+"/{id}/associations/{to}/{toID}", "write", s.dissociate),
		one("GET"+objectPath+"/{id}/associations/{to}", "read", s.listAssociations),
		one("GET"+assocPath+"/labels", "read", s.associationLabels),
		one("POST"+assocPath+"/batch/read", "read", s.readAssociations),
		one("POST"+assocPath+"/batch/associate/default", "write", s.associateBatch),
	}
}

func (s *Server) accountEndpoints() []endpoint {
	return []endpoint{
		{pattern: "GET" + ownerPath, run: s.listOwners, scope: anyOf("crm.objects.owners.read")},
		{pattern: "GET" + ownerPath + "/{id}", run: s.readOwner, scope: anyOf("crm.objects.owners.read")},
		{pattern: "GET" + pipelinePath, run: s.listPipelines, scope: pipelineScope},
		{pattern: "GET" + pipelinePath + "/{id}", run: s.readPipeline, scope: pipelineScope},
		{pattern: "GET" + propertyPath, run: s.listProperties, scope: schemaScope("read")},
		{pattern: "GET" + propertyPath + "/{name}", run: s.readProperty, scope: schemaScope("read")},
		{pattern: "POST" + propertyPath, run: s.createProperty, scope: schemaScope("write"), write: true},
		{pattern: "GET /account-info/" + apiVersion + "/details", run: s.accountDetails, scope: anyOf("oauth")},
		{pattern: "DELETE /appinstalls/" + apiVersion + "/external-install", run: s.uninstall, scope: anyOf("oauth"), write: true},
		{pattern: "POST /oauth/" + apiVersion + "/token", run: s.oauthToken, open: true},
		{pattern: "POST /oauth/" + apiVersion + "/token/introspect", run: s.introspect, open: true},
		{pattern: "POST /integrators/timeline/" + apiVersion + "/events", run: s.appEvents, scope: anyOf("timeline")},
		{pattern: "POST /integrators/timeline/" + apiVersion + "/events/batch", run: s.appEvents, scope: anyOf("timeline")},
	}
}

func anyOf(scopes ...string) func(*call) []string {
	return func(*call) []string { return scopes }
}

// recordScope: the right to the kind in the path.
func recordScope(right string) func(*call) []string {
	return func(c *call) []string {
		if k := kindOf(c.PathValue("type")); k != nil {
			return []string{k.scope + "." + right}
		}
		return nil
	}
}

func schemaScope(right string) func(*call) []string {
	return func(c *call) []string {
		k := kindOf(c.PathValue("type"))
		switch {
		case k == nil:
			return nil
		case right == "read":
			return []string{k.schema + ".read", k.scope + ".read"}
		}
		return []string{k.schema + ".write"}
	}
}

func pipelineScope(c *call) []string {
	if kindOf(c.PathValue("type")) == leads {
		return []string{"crm.objects.leads.read"}
	}
	return []string{"crm.schemas.deals.read", "crm.objects.deals.read"}
}

// allows: the token holds one of the scopes.
func (t *Token) allows(needed []string) bool {
	granted := t.scopes()
	return slices.ContainsFunc(needed, func(scope string) bool { return slices.Contains(granted, scope) })
}

func (t *Token) scopes() []string {
	if t.Scopes == nil {
		return AllScopes()
	}
	return t.Scopes
}

func missingScopes(needed ...string) *apiError {
	e := fail(http.StatusForbidden, "MISSING_SCOPES",
		"This app hasn't been granted all required scopes to make this call")
	e.Context = map[string][]string{"requiredGranularScopes": needed}
	e.Errors = []errorDetail{{Message: "One of the scopes in the context is required",
		Context: map[string][]string{"requiredGranularScopes": needed}}}
	return e
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, e := range s.endpoints() {
		mux.HandleFunc(e.pattern, s.serve(e))
	}
	unknown := endpoint{run: func(*call) answer {
		return fail(http.StatusNotFound, "NOT_FOUND", "There is no such endpoint").answer()
	}}
	for _, prefix := range []string{"/crm/", "/oauth/", "/account-info/", "/integrators/", "/appinstalls/"} {
		mux.HandleFunc(prefix, s.serve(unknown))
	}
	guard := http.NewCrossOriginProtection()
	own := http.NewServeMux()
	s.controlRoutes(own)
	s.pageRoutes(own)
	mux.Handle("/", guard.Handler(own))
	return mux
}
