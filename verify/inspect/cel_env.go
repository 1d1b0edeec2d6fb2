package inspect

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"tokentrail/provenance"
	"tokentrail/provenance/intake"
)

// costLimit bounds what an expression may cost for a record, in CEL's units: a rule
// of a dozen comparisons costs some twenty. SPEC(VER-76)
const costLimit = 100_000

// Names of types that expressions can name.
const (
	recordType    = "tokentrail.record"
	statementType = "tokentrail.statement"
	entryType     = "tokentrail.entry"
)

// newEnvironment makes what expressions are checked in: three variables whose members
// are known with their types, and CEL's own functions.
func newEnvironment() (*cel.Env, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	t := &typeTable{Registry: registry, structs: map[string]map[string]*types.FieldType{}}
	t.addRecord()
	t.add(statementType, map[string]*types.Type{
		"issuer": types.StringType, "stream": types.StringType, "sequence": types.IntType, "id": types.StringType,
		"kid": types.StringType, "count": types.IntType, "first": types.StringType, "last": types.StringType,
	})
	t.add(entryType, map[string]*types.Type{"index": types.IntType, "record": types.IntType})
	return cel.NewEnv(
		cel.CustomTypeProvider(t), cel.CustomTypeAdapter(registry),
		cel.Variable("record", cel.ObjectType(recordType)),
		cel.Variable("statement", cel.ObjectType(statementType)),
		cel.Variable("entry", cel.ObjectType(entryType)),
		cel.DefaultUTCTimeZone(true), cel.CrossTypeNumericComparisons(true),
		cel.ParserExpressionSizeLimit(4*maxExpression), cel.ParserRecursionLimit(100),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateDurationLiterals(), cel.ValidateComprehensionNestingLimit(3)),
	)
}

// newProgram makes a program that several goroutines may run. Where it is known
// beforehand that no record makes it dear, nobody counts as it runs, which takes
// longer than most expressions.
func newProgram(env *cel.Env, ast *cel.Ast) (cel.Program, error) {
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if most, err := env.EstimateCost(ast, sizes{}); err != nil || most.Max > costLimit {
		options = append(options, cel.CostLimit(costLimit))
	}
	return env.Program(ast, options...)
}

// sizes are how long what a record holds can be.
type sizes struct{}

// EstimateSize gives the bounds of a text, list or map: a record of 4 KiB, in hex.
func (sizes) EstimateSize(node checker.AstNode) *checker.SizeEstimate {
	if t := node.Type(); t != nil && (t.Kind() == types.ListKind || t.Kind() == types.MapKind) {
		return &checker.SizeEstimate{Max: mostItems}
	}
	return &checker.SizeEstimate{Max: 2 * provenance.MaxRecordBytes}
}

// EstimateCallCost leaves functions to CEL.
func (sizes) EstimateCallCost(string, string, *checker.AstNode, []checker.AstNode) *checker.CallEstimate {
	return nil
}

// mostItems bounds the elements of a list of a record; none has half as many.
const mostItems = 64

// A typeTable knows the types of members, beside CEL's own types. It is read only
// once it is made.
type typeTable struct {
	*types.Registry
	structs map[string]map[string]*types.FieldType
}

// FindStructType knows the types of the table.
func (t *typeTable) FindStructType(name string) (*types.Type, bool) {
	if t.structs[name] == nil {
		return t.Registry.FindStructType(name)
	}
	return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
}

// FindStructFieldNames gives the members of a type.
func (t *typeTable) FindStructFieldNames(name string) ([]string, bool) {
	members, ok := t.structs[name]
	if !ok {
		return t.Registry.FindStructFieldNames(name)
	}
	var names []string
	for member := range members {
		names = append(names, member)
	}
	return names, true
}

// FindStructFieldType gives the type of a member.
func (t *typeTable) FindStructFieldType(name, member string) (*types.FieldType, bool) {
	members, ok := t.structs[name]
	if !ok {
		return t.Registry.FindStructFieldType(name, member)
	}
	f, ok := members[member]
	return f, ok
}

// NewValue refuses: rules look at what there is.
func (t *typeTable) NewValue(name string, fields map[string]ref.Val) ref.Val {
	if t.structs[name] == nil {
		return t.Registry.NewValue(name, fields)
	}
	return types.NewErr("a rule makes no %s", name)
}

// add adds a type whose values are maps.
func (t *typeTable) add(name string, members map[string]*types.Type) {
	fields := map[string]*types.FieldType{}
	for member, typ := range members {
		fields[member] = &types.FieldType{
			Type: typ,
			IsSet: func(target any) bool {
				m, ok := target.(map[string]any)
				_, is := m[member]
				return ok && is
			},
			GetFrom: func(target any) (any, error) {
				if m, ok := target.(map[string]any); ok {
					if v, ok := m[member]; ok {
						return v, nil
					}
				}
				return nil, absentError(member)
			},
		}
	}
	t.structs[name] = fields
}

func absentError(member string) error {
	return fmt.Errorf("there is no %s; ask with has() before", member)
}

// addRecord adds the type of a record, as its JSON has it: what a record with every
// field is shown as tells the members and their types.
func (t *typeTable) addRecord() {
	full := &provenance.Record{}
	fillAll(reflect.ValueOf(full).Elem())
	members := map[string]*types.Type{}
	shown := intake.RecordJSON(full)
	for _, m := range shown {
		members[m.Name] = t.typeOf(recordType+"."+m.Name, m.Value)
	}
	t.add(recordType, members)
	fields := t.structs[recordType]
	keys := recordKeys()
	for i, m := range shown { // members stand in the order of the fields
		key := keys[i]
		fields[m.Name].IsSet = func(target any) bool {
			r, ok := target.(*reader)
			return ok && r.fields[key] != nil
		}
		fields[m.Name].GetFrom = func(target any) (any, error) {
			if r, ok := target.(*reader); ok && r.fields[key] != nil {
				return r.view(key, m.Name)
			}
			return nil, absentError(m.Name)
		}
	}
}

// recordKeys are the keys of a record's fields, in their order.
func recordKeys() (keys []int) {
	t := reflect.TypeFor[provenance.Record]()
	for i := range t.NumField() {
		key := 0
		if _, err := fmt.Sscanf(t.Field(i).Tag.Get("cbor"), "%d,", &key); err == nil {
			keys = append(keys, key)
		}
	}
	return keys
}

// typeOf gives the type of a value that is shown, and adds those of objects in it.
func (t *typeTable) typeOf(path string, shown any) *types.Type {
	if strings.HasSuffix(path, ".parents") {
		return types.NewListType(types.DynType) // ids, or issuers with refs
	}
	if strings.HasSuffix(path, ".mirror") {
		return types.DynType
	}
	switch v := shown.(type) {
	case intake.Object:
		members := map[string]*types.Type{}
		for _, m := range v {
			members[m.Name] = t.typeOf(path+"."+m.Name, m.Value)
		}
		t.add(path, members)
		return types.NewObjectType(path)
	case []any:
		return types.NewListType(t.typeOf(path, v[0]))
	case []string:
		return types.NewListType(types.StringType)
	case bool:
		return types.BoolType
	case int64:
		return types.IntType
	}
	return types.StringType
}

// fillAll gives every field of a record a value.
func fillAll(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillAll(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fillAll(v.Field(i))
			}
		}
		if c, ok := v.Addr().Interface().(*provenance.Content); ok {
			c.Algorithm = provenance.AlgSHA256
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillAll(v.Index(0))
	case reflect.String:
		v.SetString("x")
	case reflect.Int64:
		v.SetInt(1)
	case reflect.Uint8:
		v.SetUint(1)
	case reflect.Bool:
		v.SetBool(true)
	}
}
