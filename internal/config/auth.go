package config

import "github.com/tidemark/tidemark/internal/auth"

// Auth is the section auth: who may do what.
type Auth struct {
	// Anonymous is the role of callers without credentials: auth.Viewer,
	// auth.Evaluator or auth.None.
	Anonymous auth.Role
	// Users are the roles of those who log in with basic authentication, by name.
	Users map[string]auth.Role
	// Environments are the roles that acting on the flags and deploys of an
	// environment takes, by its name, where that is not auth.Operator.
	Environments map[string]auth.Role
}

func defaultAuth() Auth { return Auth{Anonymous: auth.Viewer} }

func (a *Auth) fields() map[string]read {
	return map[string]read{
		"anonymous": text(func(value string) (err error) {
			if err := oneOf("viewer", "evaluator", "none")(value); err != nil {
				return err
			}
			a.Anonymous, err = auth.ParseRole(value)
			return err
		}),
		"users": pairs(func(name, value string) error {
			if err := oneOf("viewer", "operator", "admin")(value); err != nil {
				return err
			}
			role, err := auth.ParseRole(value)
			if err != nil {
				return err
			}
			if a.Users == nil {
				a.Users = map[string]auth.Role{}
			}
			a.Users[name] = role
			return nil
		}),
		"environments": pairs(func(name, value string) error {
			if err := checkEnvironment(name); err != nil {
				return err
			}
			if err := oneOf("operator", "admin")(value); err != nil {
				return err
			}
			role, err := auth.ParseRole(value)
			if err != nil {
				return err
			}
			if a.Environments == nil {
				a.Environments = map[string]auth.Role{}
			}
			a.Environments[name] = role
			return nil
		}),
	}
}

// Needs is the role that acting on the flags and deploys of an environment takes. An
// empty name stands for all of them together.
func (a Auth) Needs(environment string) auth.Role {
	if environment == "" {
		need := auth.Operator
		for _, role := range a.Environments {
			need = max(need, role)
		}
		return need
	}
	if role, ok := a.Environments[environment]; ok {
		return role
	}
	return auth.Operator
}

// Settings are what an auth.Authority needs of this section.
func (a Auth) Settings() auth.Settings {
	return auth.Settings{Anonymous: a.Anonymous, Users: a.Users}
}
