package intake

import "strings"

// assigned are the 249 codes that ISO 3166-1 alpha-2 assigns.
const assigned = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ " +
	"BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR " +
	"CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR " +
	"GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU " +
	"ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ " +
	"LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ " +
	"MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF " +
	"PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI " +
	"SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR " +
	"TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"

// unknownCountry stands for a country that is not known.
const unknownCountry = "ZZ"

// CountryAssigned reports whether a code is one that ISO 3166-1 assigns, or ZZ.
// The ledger takes any two letters, for the list changes; most others are slips.
func CountryAssigned(code string) bool {
	return len(code) == 2 && (code == unknownCountry || strings.Contains(" "+assigned+" ", " "+code+" "))
}

// CountryMeant returns the code that is likely meant by one that is not
// assigned, or "".
func CountryMeant(code string) string {
	return map[string]string{"UK": "GB", "EL": "GR", "SU": "RU", "TP": "TL", "ZR": "CD", "BU": "MM", "YU": "RS", "DD": "DE", "AN": "CW", "CS": "CZ", "EN": "GB", "JA": "JP"}[code]
}
