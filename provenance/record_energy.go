package provenance

// Energy is what an event drew, with the method and boundary without which the
// number says nothing. Intensities are in mg CO2e a kWh.
type Energy struct {
	MicroWattHours    int64  `cbor:"1,keyasint"`
	Method            int64  `cbor:"2,keyasint"`           // 1 measured, 2 allocated, 3 modelled
	Boundary          int64  `cbor:"3,keyasint"`           // 1 accelerator … 4 facility
	PUE               *int64 `cbor:"4,keyasint,omitempty"` // thousandths
	LocationIntensity *int64 `cbor:"5,keyasint,omitempty"` // of the grid
	MarketIntensity   *int64 `cbor:"6,keyasint,omitempty"` // by contracts and certificates
	IntensitySource   string `cbor:"7,keyasint,omitempty"`
	IntensityHour     *int64 `cbor:"8,keyasint,omitempty"`  // ms since the epoch
	Matching          int64  `cbor:"9,keyasint,omitempty"`  // of certificates: 1 none, 2 annual, 3 hourly
	Water             *int64 `cbor:"10,keyasint,omitempty"` // µL
}

// Accelerator says what devices were used and for how long, added up over them.
type Accelerator struct {
	Type         string `cbor:"1,keyasint"`
	Count        int64  `cbor:"2,keyasint"`
	Milliseconds int64  `cbor:"3,keyasint"`
}

// Compute says where an event was computed, and for what.
type Compute struct {
	Where int64 `cbor:"1,keyasint"` // 1 cloud, 2 edge, 3 device
	Phase int64 `cbor:"2,keyasint"` // 1 training, 2 inference
}

func energyShape() *shape {
	return shapeOf(
		must(1, "energy", amount),
		must(2, "method", integerIn(1, 3)),
		must(3, "boundary", integerIn(1, 4)),
		may(4, "pue", integerIn(1000, 100_000)).from(2),
		may(5, "location-intensity", amount).from(2),
		may(6, "market-intensity", amount).from(2),
		may(7, "intensity-source", textOf(128)).from(2),
		may(8, "intensity-hour", instant).from(2),
		may(9, "matching", integerIn(1, 3)).from(2),
		may(10, "water", amount).from(2),
	)
}

func acceleratorShape() *shape {
	return shapeOf(
		must(1, "type", identifier(64)),
		must(2, "count", integerIn(1, 1_000_000)),
		must(3, "milliseconds", amount),
	)
}

func computeShape() *shape {
	return shapeOf(
		must(1, "where", integerIn(1, 3)),
		must(2, "phase", integerIn(1, 2)),
	)
}
