package verify

// cycles marks the nodes on cycles of parents, and the edges that close them. A
// record cannot name by id what comes later; by ref it can. Every cycle has an
// edge whose parent is not earlier in the log than the child: without those
// edges the graph has no cycle. SPEC(TRC-13)
func (m *marker) cycles() {
	groups := components(m.parents)
	marked := make([]bool, len(m.parents))
	for i := range m.g.Edges {
		e := &m.g.Edges[i]
		from, to := m.place[e.From], m.place[e.To]
		if e.Kind == EdgeParent && groups[from] == groups[to] {
			e.Closes = from >= to
			marked[from], marked[to] = true, true
		}
	}
	for i, n := range m.g.Nodes {
		if marked[i] {
			m.mark(n, MarkCyclic, nil, "")
		}
	}
}

// components returns the number of the strongly connected component that each
// node is in, by Tarjan's algorithm (1972), without recursion: a chain may be as
// long as the graph is large.
func components(next [][]int) []int {
	n := len(next)
	group, index, low := make([]int, n), make([]int, n), make([]int, n) // index from 1; 0: not met
	onStack := make([]bool, n)
	var stack []int
	type frame struct{ node, edge int }
	met, groups := 0, 0
	for root := range n {
		if index[root] > 0 {
			continue
		}
		work := []frame{{root, 0}}
		for len(work) > 0 {
			f := &work[len(work)-1]
			v := f.node
			if f.edge == 0 {
				met++
				index[v], low[v], onStack[v] = met, met, true
				stack = append(stack, v)
			}
			if f.edge < len(next[v]) {
				w := next[v][f.edge]
				f.edge++
				switch {
				case index[w] == 0:
					work = append(work, frame{w, 0})
				case onStack[w]:
					low[v] = min(low[v], index[w])
				}
				continue
			}
			if low[v] == index[v] {
				for done := false; !done; {
					w := stack[len(stack)-1]
					stack = stack[:len(stack)-1]
					group[w], onStack[w], done = groups, false, w == v
				}
				groups++
			}
			work = work[:len(work)-1]
			if len(work) > 0 {
				u := work[len(work)-1].node
				low[u] = min(low[u], low[v])
			}
		}
	}
	return group
}
