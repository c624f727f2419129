// Package work runs jobs on River.
package work
