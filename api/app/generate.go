package app

//go:generate go tool oapi-codegen -config oapi.yaml ../app.yaml
