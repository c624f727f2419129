package sandbox

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

var (
	propertyName  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,99}$`)
	propertyTypes = []string{"bool", "date", "datetime", "enumeration", "number", "phone_number", "string"}
)

// propertyTable finds the table a property path names.
func (s *Server) propertyTable(c *call) (*table, *apiError) {
	k := kindOf(c.PathValue("type"))
	if k == nil {
		return nil, invalid("Unable to infer object type from: %s", clip(c.PathValue("type")))
	}
	return s.st.tables[k], nil
}

func (s *Server) readProperty(c *call) answer {
	t, bad := s.propertyTable(c)
	if bad != nil {
		return bad.answer()
	}
	def, known := t.props[c.PathValue("name")]
	if !known {
		return notFound("Property").answer()
	}
	return ok(def)
}

func (s *Server) listProperties(c *call) answer {
	t, bad := s.propertyTable(c)
	if bad != nil {
		return bad.answer()
	}
	rows := []property{}
	for _, def := range t.props {
		rows = append(rows, def)
	}
	slices.SortFunc(rows, func(a, b property) int { return strings.Compare(a.Name, b.Name) })
	return ok(map[string]any{"results": rows})
}

func (s *Server) createProperty(c *call) answer {
	t, bad := s.propertyTable(c)
	if bad != nil {
		return bad.answer()
	}
	var def property
	if bad := c.decode(&def); bad != nil {
		return bad.answer()
	}
	if bad := s.checkNewProperty(t, def); bad != nil {
		return bad.answer()
	}
	def.Defined, def.Calculated, def.Archived = false, false, false
	t.addProperty(def)
	s.st.changed(change{Property: &propertyLine{t.kind.name, def}})
	return created(def)
}

func (s *Server) checkNewProperty(t *table, def property) *apiError {
	if def.Label == "" || def.GroupName == "" || def.FieldType == "" {
		return invalid("A property needs name, label, groupName, type and fieldType")
	}
	if !propertyName.MatchString(def.Name) {
		return invalid("%q can not be the name of a property", clip(def.Name))
	}
	if !slices.Contains(propertyTypes, def.Type) {
		return invalid("%q is not a type of property", clip(def.Type))
	}
	if _, exists := t.props[def.Name]; exists {
		e := fail(http.StatusConflict, "OBJECT_ALREADY_EXISTS", "A property named %q already exists.", def.Name)
		e.SubCategory = "Properties.PROPERTY_EXISTS"
		return e
	}
	if len(t.props) >= maxCustomProps {
		return invalid("The account has reached its limit of properties")
	}
	if def.Unique {
		return s.checkNewUnique(t)
	}
	return nil
}

func (s *Server) checkNewUnique(t *table) *apiError {
	if t.kind.isEngagement() && s.faults.now().RefuseEngagementUnique {
		return invalid("Unique value properties are not supported for %s", t.kind.name)
	}
	custom := 0
	for _, def := range t.props {
		if def.Unique && !def.Defined {
			custom++
		}
	}
	if custom >= maxUniqueProps {
		return invalid("At most %d properties with unique values are allowed for %s", maxUniqueProps, t.kind.name)
	}
	return nil
}
