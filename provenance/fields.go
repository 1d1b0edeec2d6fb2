package provenance

// RecordKeys is one more than the greatest key of a record's fields.
const RecordKeys = 26

// FieldsOf cuts an encoded record into its fields: the encoded item under each key,
// nil where there is none. They alias the record. The record is one that was
// accepted before: of another only that it is one map is checked, and its fields may
// be anything. It costs a tenth of ParseRecord. The error is an *Error.
func FieldsOf(record []byte) (fields [RecordKeys][]byte, err error) {
	c := &cursor{b: record}
	err = c.pairs(func(key int64) error {
		start := c.off
		if err := c.skip(); err != nil {
			return err
		}
		if key < RecordKeys {
			fields[key] = record[start:c.off]
		}
		return nil
	})
	if err == nil {
		err = c.end()
	}
	return fields, err
}

// DecodeField decodes the item of one field, such as a Label under key 13; nil where
// there is none.
func DecodeField[T any](item []byte) (*T, error) {
	if item == nil {
		return nil, nil
	}
	v := new(T)
	return v, unmarshal(item, v)
}

// FieldInteger reads an item that is an integer.
func FieldInteger(item []byte) (int64, error) { return (&cursor{b: item}).integer() }

// FieldIntegers reads the integers under the least keys of an item that is a map, as
// of Usage or Energy: values[k] is that under key k, absent ones are 0. What is no
// integer, or has another key, is passed over.
func FieldIntegers(item []byte, values []int64) error {
	c := &cursor{b: item}
	return c.pairs(func(key int64) error {
		if key >= int64(len(values)) || c.off < len(c.b) && c.b[c.off]>>5 > majorNeg {
			return c.skip()
		}
		v, err := c.integer()
		values[key] = v
		return err
	})
}
