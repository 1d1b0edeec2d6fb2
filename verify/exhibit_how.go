package verify

// standAlone completes the report on an exhibit that is looked at by itself: nobody may
// be there to be asked for more than it has.
func (r *Report) standAlone() {
	if r.Trust.GenesisFrom == "node" {
		r.Trust.GenesisFrom = "exhibit"
	}
	// SPEC(BND-14)
	r.Assumptions = append(r.Assumptions,
		"that what the records say is so is their issuer's word; tokentrail inspect FILE shows it of a bundle",
		"whether a record was corrected later, and what the ledger did behind the header above, no exhibit shows: ask a node")
	parts := partOf()
	for _, s := range r.Steps {
		for _, f := range s.Findings {
			if how, known := parts[f.Code]; known {
				f.How = how
			}
		}
	}
}

// partOf is how to see for oneself in a bundle, by the code: which part it is, and what
// to do with it. SPEC(BND-15)
func partOf() map[Code]string {
	const (
		genesis = "take part 1 of the bundle (spec/bundle.md BND-3), the genesis document, and hash it with sha256sum"
		headers = "take the light blocks of the bundle (spec/bundle.md BND-3: in part 3, the receipt, and in 6, 7 and 10) and decode them as CometBFT's protobuf LightBlock"
		entry   = "take part 2 of the bundle (spec/bundle.md BND-3), the entry, and look at it with any COSE or CBOR tool, or with tokentrail inspect FILE"
		signer  = "take part 2 of the bundle (spec/bundle.md BND-3), the entry, and part 7, what the registry says of who signed, and compare the key's id and heights and the signature"
		records = "take part 4 of the bundle (spec/bundle.md BND-3), the records, and derive count, root, period and totals by spec/statement.md"
		state   = "take part 7 of the bundle (spec/bundle.md BND-3), the state proof, and fold it as spec/state.md STA-2 says"
		receipt = "take parts 2 and 3 of the bundle (spec/bundle.md BND-3), the entry and its receipt, and check them as spec/receipt.md RCP-3 says"
		act     = "take part 2 of the bundle (spec/bundle.md BND-3), the act, and part 11, those before it, and hold it against spec/governance.md GOV-6"
		twice   = "take parts 2, 4 and 7 of the bundle (spec/bundle.md BND-3), and verify both statements of the evidence under the provider's keys"
		block   = "take part 10 of the bundle (spec/bundle.md BND-3), the entry's block, and fold its path as BND-18 says"
		path    = "take the acts of the bundle's parts 8 and 11 (spec/bundle.md BND-3) and check their paths by RFC 9162 section 2.1.3.2"
		proof   = "take part 5 of the bundle (spec/bundle.md BND-3), the record's proof, and check it against the statement's root as spec/record.md REC-11 says"
	)
	parts := map[Code]string{CodeHeight: block, CodeInclusion: path, CodeRecordProof: proof}
	for how, codes := range map[string][]Code{
		genesis: {CodeGenesisHash, CodeGenesisForm},
		headers: {CodeChainID, CodeTrustHash, CodeHeaderForm, CodeHeaderHeight, CodeHeaderTime, CodeHeaderCommit, CodeHeaderSignature, CodeHeaderTrust, CodeValidators},
		entry:   {CodeStatementForm},
		signer:  {CodeIssuer, CodeKey, CodeSignature},
		records: {CodeRecords, CodeCount, CodeRoot, CodePeriod, CodeTotals, CodeFuture},
		state:   {CodeStateForm, CodeStateAppHash, CodeStateProof, CodeStateValue},
		receipt: {CodeReceiptForm, CodeReceiptOrigin, CodeReceiptBinding, CodeReceiptPath, CodeReceiptIndex, CodeReceiptAppHash, CodeReceiptSignature},
		act:     {CodeActForm, CodeActPlace, CodeActSignature, CodeActAction},
		twice:   {CodeEquivocationForm, CodeEquivocation},
	} {
		for _, code := range codes {
			parts[code] = how
		}
	}
	return parts
}
