package verify

// How to see for oneself, where several codes have it in common.
const (
	howGenesis    = "hash the answer of /v1/genesis with sha256sum and compare it with the origin"
	howHeader     = "decode the light block from /v1/headers?from=HEIGHT&limit=1 as CometBFT's protobuf LightBlock"
	howEntry      = "fetch /entries/INDEX/statement and look at its bytes with any COSE or CBOR tool"
	howRecords    = "fetch /entries/INDEX/records and derive count, root, period and totals by spec/statement.md"
	howReplay     = "hash all statements into an RFC 9162 tree and the state map as spec/ledger.md and spec/state.md say, and compare with the header"
	howState      = "fetch /v1/state?key=KEY and fold the proof as spec/state.md STA-2 says"
	howCheckpoint = "fetch /checkpoint and /.well-known/scitt-keys and check the signed note"
	howReceipt    = "fetch /entries/INDEX and /entries/INDEX/statement and check them as spec/receipt.md RCP-3 says"
	howAct        = "fetch /v1/entries?from=INDEX&limit=1 and hold the act against the registry by spec/governance.md GOV-6"
	howTwice      = "fetch /v1/entries?from=INDEX&limit=1 and verify both statements of the evidence under the provider's keys"
	howHeight     = "fetch the light blocks around this height from /v1/headers and compare their app hashes with those of the log's prefixes"
	howCorrection = "fetch /entries/INDEX/records of the correction and of the entry that it names, and compare as spec/record.md REC-18 says"
	howFork       = "tokentrail verify FILE, of the fork evidence that was written, with your own --genesis or --trust"
	howForkFile   = "take the light blocks of both sides out of the file (spec/verify.md VER-33), decode them as CometBFT's protobuf LightBlock, check both commits under the validators of the genesis document, and compare the hashes of the headers, or the logs of the preimages"
	howFlows      = "fetch /v1/flows with the same query and add up the cells of the statements"
	howLookUp     = "fetch all pages of /v1/records?NAME=VALUE and hold them against the records of the entries, /v1/entries?from=ENTRY&limit=1"
)

// A row is a rule without whom it speaks against.
type row struct {
	code   Code
	guards string
	how    string
}

// Rules lists every code with the rules that it guards and whom it speaks
// against. SPEC(VER-50)
func Rules() []Rule {
	var all []Rule
	add := func(whom Against, rows []row) {
		for _, r := range rows {
			all = append(all, Rule{r.code, r.guards, r.how, whom})
		}
	}
	add(AgainstLedger, signedRules())
	add(AgainstLedger, entryRules())
	add(AgainstLedger, governRules())
	add(AgainstLedger, answerRules())
	add(AgainstProvider, providerRules())
	add(AgainstProvider, inspectionRules())
	add(AgainstProvider, []row{{CodeTrace, "VER-98", "tokentrail trace RECORD, of the place's record"}})
	add(AgainstFile, contentRules())
	return all
}

// contentRules are about a file that was held against its record.
func contentRules() []row {
	const find = "tokentrail content find FILE, with the same --key, shows the record, its commitments and both labels"
	return []row{
		{CodeContentDiffers, "VER-97", find},
		{CodeContentReversed, "VER-97", find},
		{CodeFileLabel, "VER-98", "tokentrail label check FILE, with the same --profile and --key, and tokentrail content find FILE"},
	}
}

// signedRules are about the genesis document, the trust, the node's own word and signed
// headers.
func signedRules() []row {
	return []row{
		{CodeGenesisHash, "LOG-2", howGenesis},
		{CodeGenesisForm, "GEN-1, LOG-2", howGenesis},
		{CodeChainID, "LOG-2", howHeader},
		{CodeInitialState, "GEN-2, STA-4", howReplay},
		{CodeTrustHash, "VER-3", howHeader},
		{CodeStatus, "VER-6", "compare /v1/status with the ledger as this report gives it"},
		{CodeStale, "VER-7", "ask /v1/status, /checkpoint and /v1/state again and compare their heights and sizes"},
		{CodeFork, "VER-31, VER-35", howFork},
		{CodeWitness, "VER-38", "ask the node that the place names for /v1/status, /v1/headers and /checkpoint, and compare with this report"},
		{CodeHeaderForm, "RCP-2", howHeader},
		{CodeHeaderMissing, "VER-4", howHeader},
		{CodeHeaderHeight, "VER-4", howHeader},
		{CodeHeaderTime, "VER-4", howHeader},
		{CodeHeaderLink, "VER-4", howHeader},
		{CodeHeaderCommit, "RCP-2", howHeader},
		{CodeHeaderSignature, "VER-5", howHeader},
		{CodeHeaderTrust, "RCP-3", howHeader},
		{CodeValidators, "RCP-2", howHeader},
	}
}

// entryRules are about the log's entries.
func entryRules() []row {
	return []row{
		{CodeEntryMissing, "LOG-1", "fetch /v1/entries?from=INDEX&limit=1"},
		{CodeEntryIndex, "LOG-1", "fetch /v1/entries?from=INDEX&limit=1"},
		{CodeStreamMissing, "VER-92", "fetch /v1/providers/PROVIDER and /v1/state?key=provider/PROVIDER, count the streams, and compare with key 6 of the value (spec/state.md STA-3)"},
		{CodeStatementForm, "STM-1, STM-2, STM-3, STM-4, STM-5", howEntry},
		{CodeIssuer, "ADM-5", howEntry},
		{CodeKey, "ADM-6, STM-7", howEntry},
		{CodeSignature, "STM-6, KEY-3, KEY-4", howEntry},
		{CodeChain, "BAT-7, ADM-8, ADM-9, EQV-4", howEntry},
		{CodeRecords, "SUB-2, SUB-3, SUB-4, REC-1", howRecords},
		{CodeCount, "BAT-6", howRecords},
		{CodeRoot, "BAT-1, BAT-6", howRecords},
		{CodePeriod, "BAT-6", howRecords},
		{CodeTotals, "BAT-2, BAT-4, BAT-5", howRecords},
		{CodePolicy, "ADM-2", howRecords},
		{CodeStreams, "ADM-18", howEntry},
		{CodeAge, "ADM-19", howEntry},
		{CodeHeight, "VER-8, BND-18", howHeight},
	}
}

// governRules are about what governs the log.
func governRules() []row {
	return []row{
		{CodeActForm, "GOV-1, GOV-4, GOV-5, GOV-19", howAct},
		{CodeActPlace, "GOV-2, GOV-7, GOV-8, GOV-9, GOV-10, BND-19", howAct},
		{CodeActSignature, "GOV-11", howAct},
		{CodeActAction, "GOV-12, GOV-13, GOV-14, GOV-15, GOV-16, GOV-17, GOV-18", howAct},
		{CodeEquivocationForm, "EQV-1, EQV-2", howTwice},
		{CodeEquivocation, "EQV-1, EQV-3", howTwice},
		{CodeGovernedValidators, "GOV-17", howHeader},
		{CodeAppHash, "STA-4", howReplay},
	}
}

// answerRules are about proofs and derived answers.
func answerRules() []row {
	return []row{
		{CodeStateForm, "STA-2, STA-4", howState},
		{CodeStateAppHash, "STA-4", howState},
		{CodeStateProof, "STA-2", howState},
		{CodeStateValue, "STA-3, ADM-12, GOV-19", howState},
		{CodeKeys, "KEY-1", howCheckpoint},
		{CodeCheckpoint, "CHK-1, CHK-2", howCheckpoint},
		{CodeCheckpointSignature, "CHK-1", howCheckpoint},
		{CodeConsistency, "PRF-1", "fetch /proof/consistency?from=FROM&to=TO and check it by RFC 9162 section 2.1.4.2"},
		{CodeReceiptForm, "RCP-1", howReceipt},
		{CodeReceiptOrigin, "RCP-3", howReceipt},
		{CodeReceiptBinding, "RCP-3", howReceipt},
		{CodeReceiptPath, "RCP-3", howReceipt},
		{CodeReceiptIndex, "LOG-1", howReceipt},
		{CodeReceiptAppHash, "RCP-2, RCP-3", howReceipt},
		{CodeReceiptSignature, "RCP-3", howReceipt},
		{CodeInclusion, "PRF-1", "fetch /proof/inclusion?index=INDEX&size=SIZE, SIZE being the log size above, and check it by RFC 9162 section 2.1.3.2"},
		{CodeRecordProof, "REC-11", "fetch /entries/INDEX/records/RECORD and check it against the statement's root"},
		{CodeFlows, "FLO-1, FLO-2, FLO-5, FLO-7", howFlows},
		{CodeFlowsHead, "FLO-6", howFlows},
		{CodeLookUpMissing, "VER-60", howLookUp},
		{CodeLookUp, "VER-62", howLookUp},
	}
}

// providerRules are about what providers said and the ledger rightly kept.
func providerRules() []row {
	return []row{
		{CodeFuture, "ADM-15", howRecords},
		{CodeJurisdiction, "STA-6", howEntry},
		{CodeBasis, "STA-6", howEntry},
		{CodeEnergy, "STA-6", howEntry},
		{CodeLabel, "STA-6", howRecords},
		{CodeCorrection, "REC-18", howCorrection},
	}
}

// inspectionRules are about what an inspection finds.
func inspectionRules() []row {
	const (
		said   = "fetch /entries/INDEX/records/RECORD, decode the record as spec/record.md says, and compare"
		mirror = "fetch both records, /entries/INDEX/records/RECORD, and compare them as spec/verify.md VER-78 says"
	)
	return []row{
		{CodeLabelMissing, "VER-71", said},
		{CodeLabelFails, "VER-71", "fetch /entries/INDEX/records/RECORD and hold its label against the profile with tokentrail label check"},
		{CodeLabelCode, "VER-72", said},
		{CodeLabelContradicts, "VER-72", said},
		{CodeBasisMissing, "VER-73", said},
		{CodeBasisExpired, "VER-73", said},
		{CodeBasisUnknown, "VER-73", said},
		{CodeEnergyBoundary, "VER-74", said},
		{CodeEnergyAbove, "VER-74", said},
		{CodeEnergyImpossible, "VER-74", said},
		{CodeRule, "VER-75", "fetch /entries/INDEX/records/RECORD and evaluate the rule's expressions over its JSON with any CEL"},
		{CodeMirrorMissing, "VER-77", "look for the other side's record in the log: by /v1/records with the id or ref, or by the crossing id"},
		{CodeMirrorAmbiguous, "VER-77", mirror},
		{CodeMirrorDiffers, "VER-78", mirror},
	}
}
