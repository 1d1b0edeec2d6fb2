package main

import "github.com/spf13/cobra"

func (a *app) inspectCommand(use string) *cobra.Command { return &cobra.Command{Use: use} }
func (a *app) recordCommand() *cobra.Command            { return a.group("record", "Look at records") }
