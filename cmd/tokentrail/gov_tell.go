package main

import (
	"fmt"
	"strings"
	"time"

	"tokentrail/provenance"
)

const (
	keptSigned  = "what was signed before stays and counts"
	keptEntries = "its entries stay and count"
)

// tellAct says in words what an act does, by itself: for acts that are done, that
// would be refused, or of whose ledger nothing is known here.
func tellAct(act *provenance.Act) (says []string) {
	for i := range act.Actions {
		says = append(says, tellAction(&act.Actions[i])...)
	}
	return says
}

func tellAction(x *provenance.Action) []string {
	switch x.Type {
	case provenance.ProviderAdmit:
		return []string{tellAdmitted(x)}
	case provenance.ProviderDescribe:
		return tellDescribed(x)
	case provenance.ProviderSet:
		return []string{tellStatus(x)}
	case provenance.KeyAdd:
		return []string{tellAdded(x)}
	case provenance.KeyExpire, provenance.KeyRevoke, provenance.KeyStolen:
		return []string{tellEnded(x, "the key with the thumbprint "+x.KID.String())}
	case provenance.ValidatorSet:
		if x.Power == 0 {
			return []string{"removes the validator " + validatorText(x.Validator)}
		}
		return []string{fmt.Sprintf("gives the validator %s the power %s", validatorText(x.Validator), thousands(x.Power))}
	case provenance.PolicySet:
		return tellPolicy(*x.Policy)
	case provenance.GovernanceSet:
		return []string{fmt.Sprintf("lets %d of %s govern: %s", x.Threshold, plural(int64(len(x.Governors)), "key"), coseTexts(x.Governors))}
	case provenance.RulesSet:
		return []string{fmt.Sprintf("lets rule version %d hold from height %s on", x.Rules, thousands(x.RulesFrom))}
	}
	return []string{fmt.Sprintf("does what this program has no words for: %s", x.Type)}
}

func tellAdmitted(x *provenance.Action) string {
	return fmt.Sprintf("admits the provider %s, %q of %s, which may then submit under %s", x.ID, x.Name, strings.Join(x.Jurisdictions, ", "), coseTexts(x.Keys))
}

func tellDescribed(x *provenance.Action) (says []string) {
	if x.Name != "" {
		says = append(says, fmt.Sprintf("names %s %q", x.ID, x.Name))
	}
	if x.Jurisdictions != nil {
		says = append(says, fmt.Sprintf("places %s in %s", x.ID, strings.Join(x.Jurisdictions, ", ")))
	}
	return says
}

func tellStatus(x *provenance.Action) string {
	switch x.Status {
	case provenance.ProviderSuspended:
		return fmt.Sprintf("suspends %s: the ledger takes none of its statements until it is made active again; %s", x.ID, keptEntries)
	case provenance.ProviderRetired:
		return fmt.Sprintf("retires %s: the ledger takes none of its statements or acts any more; %s", x.ID, keptEntries)
	}
	return fmt.Sprintf("lets %s submit again", x.ID)
}

func tellAdded(x *provenance.Action) string {
	says := fmt.Sprintf("lets %s sign under %s as well", x.ID, coseText(x.Key))
	if x.From != nil {
		says += ", from height " + thousands(*x.From) + " on"
	}
	if x.Until != nil {
		says += ", until before height " + thousands(*x.Until)
	}
	return says
}

// tellEnded says how the key that is called so ends.
func tellEnded(x *provenance.Action, key string) string {
	switch x.Type {
	case provenance.KeyExpire:
		return fmt.Sprintf("lets %s of %s expire: from height %s on it signs nothing; %s", key, x.ID, thousands(*x.Until), keptSigned)
	case provenance.KeyStolen:
		return fmt.Sprintf("declares %s of %s stolen since %s and revokes it: what was signed with it from height %s on stays, and is flagged and summed apart",
			key, x.ID, time.UnixMilli(x.Since).UTC().Format(time.RFC3339), thousands(x.SinceHeight))
	}
	return fmt.Sprintf("revokes %s of %s: nothing that comes behind this act in the log may be signed with it; %s", key, x.ID, keptSigned)
}

// tellPolicy names the members of a whole policy.
func tellPolicy(p provenance.Policy) (says []string) {
	members := policyMembers(p)
	for _, name := range sortedNames(members) {
		says = append(says, fmt.Sprintf("policy: %s is %s", name, members[name]))
	}
	if len(says) == 0 {
		return []string{"policy: nothing in it binds"}
	}
	return append(says, "policy: nothing else in it binds")
}

// coseTexts are COSE_Keys in text.
func coseTexts(keys [][]byte) string {
	texts := make([]string, len(keys))
	for i, cose := range keys {
		texts[i] = coseText(cose)
	}
	return strings.Join(texts, ", ")
}
