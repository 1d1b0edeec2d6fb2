package verify

// Rules lists every code with the rules it guards, in the order of
// spec/verify.md.
func Rules() []Rule {
	const (
		sha     = "hash the answer of /v1/genesis with sha256sum and compare it with the origin"
		headers = "decode the light block of this height from /v1/headers as CometBFT's protobuf LightBlock"
		entry   = "fetch /entries/INDEX/statement and look at its bytes with any COSE or CBOR tool"
		records = "fetch /entries/INDEX/records and derive count, root, period and totals by spec/statement.md"
		replay  = "hash all statements into an RFC 9162 tree and the state map as spec/ledger.md and spec/state.md say, and compare with the header"
		state   = "fetch /v1/state?key=KEY and fold the proof as spec/state.md STA-2 says"
		check   = "fetch /checkpoint and /.well-known/scitt-keys and check the signed note"
		receipt = "fetch /entries/INDEX and /entries/INDEX/statement and check them as spec/receipt.md RCP-3 says"
		act     = "fetch /v1/entries?from=INDEX&limit=1 and hold the act against the registry by spec/governance.md GOV-6"
		twice   = "fetch /v1/entries?from=INDEX&limit=1 and verify both statements of the evidence under the provider's keys"
		height  = "fetch the light blocks around this height from /v1/headers and compare their app hashes with those of the log's prefixes"
		correct = "fetch /entries/INDEX/records of the correction and of the entry that it names, and compare as spec/record.md REC-18 says"
		flows   = "fetch /v1/flows with the same query and add up the cells of the statements"
	)
	return []Rule{
		{CodeGenesisHash, "LOG-2", sha},
		{CodeGenesisForm, "GEN-1, LOG-2", sha},
		{CodeChainID, "LOG-2", headers},
		{CodeInitialState, "GEN-2, STA-4", replay},
		{CodeTrustHash, "VER-3", headers},
		{CodeStatus, "VER-6", "compare /v1/status with the ledger as this report gives it"},
		{CodeStale, "VER-7", "ask /v1/status, /checkpoint and /v1/state again and compare their heights and sizes"},
		{CodeHeaderForm, "RCP-2", headers},
		{CodeHeaderMissing, "VER-4", headers},
		{CodeHeaderHeight, "VER-4", headers},
		{CodeHeaderTime, "VER-4", headers},
		{CodeHeaderLink, "VER-4", headers},
		{CodeHeaderCommit, "RCP-2", headers},
		{CodeHeaderSignature, "VER-5", headers},
		{CodeHeaderTrust, "RCP-3", headers},
		{CodeValidators, "RCP-2", headers},
		{CodeEntryMissing, "LOG-1", "fetch /v1/entries?from=INDEX&limit=1"},
		{CodeEntryIndex, "LOG-1", "fetch /v1/entries?from=INDEX&limit=1"},
		{CodeStatementForm, "STM-1, STM-2, STM-3, STM-4, STM-5", entry},
		{CodeIssuer, "ADM-5", entry},
		{CodeKey, "ADM-6, STM-7", entry},
		{CodeSignature, "STM-6, KEY-3, KEY-4", entry},
		{CodeChain, "BAT-7, ADM-8, ADM-9, EQV-4", entry},
		{CodeRecords, "SUB-2, SUB-3, SUB-4, REC-1", records},
		{CodeCount, "BAT-6", records},
		{CodeRoot, "BAT-1, BAT-6", records},
		{CodePeriod, "BAT-6", records},
		{CodeTotals, "BAT-2, BAT-4, BAT-5", records},
		{CodePolicy, "ADM-2", records},
		{CodeFuture, "ADM-15", records},
		{CodeStreams, "ADM-18", entry},
		{CodeAge, "ADM-19", entry},
		{CodeHeight, "VER-8", height},
		{CodeActForm, "GOV-1, GOV-4, GOV-5, GOV-19", act},
		{CodeActPlace, "GOV-2, GOV-7, GOV-8, GOV-9, GOV-10", act},
		{CodeActSignature, "GOV-11", act},
		{CodeActAction, "GOV-12, GOV-13, GOV-14, GOV-15, GOV-16, GOV-17, GOV-18", act},
		{CodeEquivocationForm, "EQV-1, EQV-2", twice},
		{CodeEquivocation, "EQV-1, EQV-3", twice},
		{CodeGovernedValidators, "GOV-17", headers},
		{CodeJurisdiction, "STA-6", entry},
		{CodeBasis, "STA-6", entry},
		{CodeEnergy, "STA-6", entry},
		{CodeLabel, "STA-6", records},
		{CodeCorrection, "REC-18", correct},
		{CodeAppHash, "STA-4", replay},
		{CodeStateForm, "STA-2, STA-4", state},
		{CodeStateAppHash, "STA-4", state},
		{CodeStateProof, "STA-2", state},
		{CodeStateValue, "STA-3, ADM-12, GOV-19", state},
		{CodeKeys, "KEY-1", check},
		{CodeCheckpoint, "CHK-1, CHK-2", check},
		{CodeCheckpointSignature, "CHK-1", check},
		{CodeConsistency, "PRF-1", "fetch /proof/consistency?from=FROM&to=TO and check it by RFC 9162 section 2.1.4.2"},
		{CodeReceiptForm, "RCP-1", receipt},
		{CodeReceiptOrigin, "RCP-3", receipt},
		{CodeReceiptBinding, "RCP-3", receipt},
		{CodeReceiptPath, "RCP-3", receipt},
		{CodeReceiptIndex, "LOG-1", receipt},
		{CodeReceiptAppHash, "RCP-2, RCP-3", receipt},
		{CodeReceiptSignature, "RCP-3", receipt},
		{CodeInclusion, "PRF-1", "fetch /proof/inclusion?index=INDEX&size=SIZE and check it by RFC 9162 section 2.1.3.2"},
		{CodeRecordProof, "REC-11", "fetch /entries/INDEX/records/RECORD and check it against the statement's root"},
		{CodeFlows, "FLO-1, FLO-2, FLO-5, FLO-7", flows},
		{CodeFlowsHead, "FLO-6", flows},
	}
}
