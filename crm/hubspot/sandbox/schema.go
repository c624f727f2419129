package sandbox

// Calculated phone properties, kept by the CRM from phone and mobilephone.
const (
	propNationalPhone       = "hs_searchable_calculated_phone_number"
	propNationalMobile      = "hs_searchable_calculated_mobile_number"
	propInternationalPhone  = "hs_searchable_calculated_international_phone_number"
	propInternationalMobile = "hs_searchable_calculated_international_mobile_number"
)

const (
	propOwner       = "hubspot_owner_id"
	propOwnerSince  = "hubspot_owner_assigneddate"
	propObjectID    = "hs_object_id"
	maxUniqueProps  = 10
	maxCustomProps  = 1000
	maxValueChars   = 65_536
	maxPropNameSize = 100
)

// property is the definition of one field of a kind.
type property struct {
	Name        string   `json:"name"`
	Label       string   `json:"label"`
	GroupName   string   `json:"groupName"`
	Description string   `json:"description"`
	Type        string   `json:"type"`
	FieldType   string   `json:"fieldType"`
	Unique      bool     `json:"hasUniqueValue"`
	Hidden      bool     `json:"hidden"`
	FormField   bool     `json:"formField"`
	Archived    bool     `json:"archived"`
	Calculated  bool     `json:"calculated"`
	Defined     bool     `json:"hubspotDefined"`
	Options     []option `json:"options,omitempty"`
}

type option struct {
	Label        string `json:"label"`
	Value        string `json:"value"`
	DisplayOrder int    `json:"displayOrder"`
	Hidden       bool   `json:"hidden"`
}

func text(name, label string) property {
	return property{Name: name, Label: label, Type: "string", FieldType: "text", FormField: true, Defined: true}
}

func phoneField(name, label string) property {
	return property{Name: name, Label: label, Type: "string", FieldType: "phonenumber", FormField: true, Defined: true}
}

func number(name, label string) property {
	return property{Name: name, Label: label, Type: "number", FieldType: "number", Defined: true}
}

func moment(name, label string) property {
	return property{Name: name, Label: label, Type: "datetime", FieldType: "date", Defined: true}
}

func choice(name, label string, values ...string) property {
	p := property{Name: name, Label: label, Type: "enumeration", FieldType: "select", Defined: true}
	for i, v := range values {
		p.Options = append(p.Options, option{Label: v, Value: v, DisplayOrder: i})
	}
	return p
}

func kept(p property) property {
	p.Calculated, p.FormField = true, false
	return p
}

func body(name, label string) property {
	return property{Name: name, Label: label, Type: "string", FieldType: "html", Defined: true}
}

// schemaOf is the set of properties every account has.
func schemaOf(k *kind) []property {
	own := map[*kind][]property{
		contacts: contactSchema(), deals: dealSchema(), leads: leadSchema(),
		communications: communicationSchema(), notes: noteSchema(),
	}[k]
	all := append(own,
		kept(number(propObjectID, "Record ID")),
		kept(moment(k.modifiedProp, "Last modified")),
		choice(propOwner, "Owner"),
		kept(moment(propOwnerSince, "Owner assigned")),
		kept(text("hs_merged_object_ids", "Merged record IDs")),
	)
	for i := range all {
		all[i].GroupName = k.singular + "information"
	}
	return all
}

func contactSchema() []property {
	email := text("email", "Email")
	email.Unique = true
	return []property{
		email, text("firstname", "First name"), text("lastname", "Last name"),
		phoneField("phone", "Phone"), phoneField("mobilephone", "Mobile phone"),
		text("company", "Company"), text("jobtitle", "Job title"), text("city", "City"),
		text("website", "Website"), text("hs_whatsapp_phone_number", "WhatsApp number"),
		choice("lifecyclestage", "Lifecycle stage", "subscriber", "lead", "marketingqualifiedlead",
			"salesqualifiedlead", "opportunity", "customer", "evangelist", "other"),
		choice("hs_lead_status", "Lead status", "NEW", "OPEN", "IN_PROGRESS", "OPEN_DEAL",
			"UNQUALIFIED", "ATTEMPTED_TO_CONTACT", "CONNECTED", "BAD_TIMING"),
		kept(moment("createdate", "Created")),
		kept(text(propNationalPhone, "Phone, national digits")),
		kept(text(propNationalMobile, "Mobile phone, national digits")),
		kept(text(propInternationalPhone, "Phone, international digits")),
		kept(text(propInternationalMobile, "Mobile phone, international digits")),
	}
}

func dealSchema() []property {
	return []property{
		text("dealname", "Deal name"), number("amount", "Amount"),
		moment("closedate", "Close date"), moment("createdate", "Created"),
		choice("pipeline", "Pipeline"), choice("dealstage", "Stage"),
		text("description", "Description"),
		choice("dealtype", "Deal type", "newbusiness", "existingbusiness"),
		kept(property{Name: "hs_is_closed", Label: "Closed", Type: "bool", FieldType: "booleancheckbox", Defined: true}),
		kept(property{Name: "hs_is_closed_won", Label: "Won", Type: "bool", FieldType: "booleancheckbox", Defined: true}),
		kept(number("hs_deal_stage_probability", "Probability")),
	}
}

func leadSchema() []property {
	return []property{
		text("hs_lead_name", "Lead name"),
		choice("hs_lead_type", "Lead type", "NEW_BUSINESS", "UPSELL", "RE_ATTEMPTING"),
		choice("hs_lead_label", "Label", "HOT", "WARM", "COLD"),
		choice("hs_pipeline", "Pipeline"), choice("hs_pipeline_stage", "Stage"),
		kept(moment("hs_createdate", "Created")),
		kept(property{Name: "hs_lead_is_open", Label: "Open", Type: "bool", FieldType: "booleancheckbox", Defined: true}),
	}
}

func communicationSchema() []property {
	return []property{
		choice("hs_communication_channel_type", "Channel type", "WHATS_APP", "LINKEDIN_MESSAGE", "SMS"),
		choice("hs_communication_logged_from", "Logged from", "CRM"),
		body("hs_communication_body", "Message"), moment("hs_timestamp", "Date"),
		kept(moment("hs_createdate", "Created")),
	}
}

func noteSchema() []property {
	return []property{
		body("hs_note_body", "Note"), moment("hs_timestamp", "Date"),
		text("hs_attachment_ids", "Attachments"), kept(moment("hs_createdate", "Created")),
	}
}
