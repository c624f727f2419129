package sandbox

// DefaultPipelines are the two deal pipelines of an account nobody described,
// with labels in Russian ("ru") or English.
func DefaultPipelines(language string) []Pipeline {
	label := func(en, ru string) string {
		if language == "ru" {
			return ru
		}
		return en
	}
	return []Pipeline{
		{ID: "default", Label: label("Sales", "Продажи"), Stages: []Stage{
			{ID: "newrequest", Label: label("New", "Новая"), Probability: "0.2"},
			{ID: "inwork", Label: label("In work", "В работе"), Probability: "0.4"},
			{ID: "proposal", Label: label("Proposal sent", "Предложение отправлено"), Probability: "0.6"},
			{ID: "contractsent", Label: label("Contract", "Договор"), Probability: "0.9"},
			{ID: "closedwon", Label: label("Won", "Успешно"), Probability: "1.0", Closed: true},
			{ID: "closedlost", Label: label("Lost", "Отказ"), Probability: "0.0", Closed: true},
		}},
		{ID: "98752001", Label: label("Repeat sales", "Повторные"), Stages: []Stage{
			{ID: "180240011", Label: label("Repeat request", "Повторная заявка"), Probability: "0.5"},
			{ID: "180240012", Label: label("Agreed", "Согласовано"), Probability: "0.8"},
			{ID: "180240013", Label: label("Won", "Успешно"), Probability: "1.0", Closed: true},
			{ID: "180240014", Label: label("Lost", "Отказ"), Probability: "0.0", Closed: true},
		}},
	}
}

func defaultLeadPipelines() []Pipeline {
	return []Pipeline{{ID: "lead-pipeline-id", Label: "Lead pipeline", Stages: []Stage{
		{ID: "new-stage-id", Label: "New", Probability: "NEW"},
		{ID: "attempting-stage-id", Label: "Attempting", Probability: "IN_PROGRESS"},
		{ID: "connected-stage-id", Label: "Connected", Probability: "IN_PROGRESS"},
		{ID: "qualified-stage-id", Label: "Qualified", Probability: "QUALIFIED", Closed: true},
		{ID: "unqualified-stage-id", Label: "Unqualified", Probability: "UNQUALIFIED", Closed: true},
	}}}
}

type pipelineOut struct {
	ID           string     `json:"id"`
	Label        string     `json:"label"`
	DisplayOrder int        `json:"displayOrder"`
	Stages       []stageOut `json:"stages"`
	Archived     bool       `json:"archived"`
	CreatedAt    string     `json:"createdAt"`
	UpdatedAt    string     `json:"updatedAt"`
}

type stageOut struct {
	ID               string            `json:"id"`
	Label            string            `json:"label"`
	DisplayOrder     int               `json:"displayOrder"`
	Metadata         map[string]string `json:"metadata"`
	Archived         bool              `json:"archived"`
	CreatedAt        string            `json:"createdAt"`
	UpdatedAt        string            `json:"updatedAt"`
	WritePermissions string            `json:"writePermissions"`
}

func (s *Server) showPipeline(k *kind, p Pipeline, order int) pipelineOut {
	at := stampTime(s.st.started)
	out := pipelineOut{ID: p.ID, Label: p.Label, DisplayOrder: order, Stages: []stageOut{},
		Archived: p.Archived, CreatedAt: at, UpdatedAt: at}
	for i, stage := range p.Stages {
		if stage.Archived {
			continue
		}
		one := stageOut{ID: stage.ID, Label: stage.Label, DisplayOrder: i, CreatedAt: at, UpdatedAt: at,
			WritePermissions: "CRM_PERMISSIONS_ENFORCEMENT", Metadata: map[string]string{"isClosed": boolText(stage.Closed)}}
		if k == deals {
			one.Metadata["probability"] = stage.Probability
		} else {
			one.Metadata["leadState"] = stage.Probability
		}
		if stage.ReadOnly {
			one.WritePermissions = "READ_ONLY"
		}
		out.Stages = append(out.Stages, one)
	}
	return out
}

// pipelineKind finds the kind of a pipeline path. Tickets exist in the
// service; this account has none.
func (s *Server) pipelineKind(c *call) (*kind, *apiError) {
	name := c.PathValue("type")
	if name == "tickets" || name == "ticket" || name == "0-5" {
		return nil, nil
	}
	k := kindOf(name)
	if k != deals && k != leads {
		return nil, invalid("Unable to infer object type from: %s", clip(name))
	}
	return k, nil
}

func (s *Server) listPipelines(c *call) answer {
	k, bad := s.pipelineKind(c)
	if bad != nil {
		return bad.answer()
	}
	rows := []pipelineOut{}
	for i, p := range s.st.pipelines(k) {
		if !p.Archived {
			rows = append(rows, s.showPipeline(k, p, i))
		}
	}
	return ok(map[string]any{"results": rows})
}

func (s *Server) readPipeline(c *call) answer {
	k, bad := s.pipelineKind(c)
	if bad != nil {
		return bad.answer()
	}
	for i, p := range s.st.pipelines(k) {
		if p.ID == c.PathValue("id") && !p.Archived {
			return ok(s.showPipeline(k, p, i))
		}
	}
	return notFound("Pipeline").answer()
}
