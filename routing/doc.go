// Package routing decides whose client a client is. Decide is a pure function: the
// same Input gives the same Decision, with an explanation that people can read
// (QUEUE-9). Reading the CRM before and writing to it afterwards belongs to package
// crm; storing the decision and moving the turn happens in one transaction there.
//
// It imports the root package and the standard library only.
package routing
