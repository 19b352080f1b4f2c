/// A table of text in aligned columns.
public struct TextTable: Sendable {
    /// The side of a column on which texts stand.
    public enum Side: Sendable {
        /// Texts begin together.
        case left
        /// Texts end together, as numbers do.
        case right
    }

    private let sides: [Side]
    private var rows: [[String]] = []

    /// A table with a heading for each column.
    public init(_ columns: [(name: String, side: Side)]) {
        sides = columns.map(\.side)
        rows = [columns.map(\.name)]
    }

    /// Adds a row; cells that are missing are empty.
    public mutating func add(_ cells: [String]) {
        rows.append(sides.indices.map { $0 < cells.count ? cells[$0] : "" })
    }

    /// The rows, each ended by a line break, columns two spaces apart.
    public var text: String {
        let widths = sides.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let line = row.enumerated().map { column, cell in
                let filler = String(repeating: " ", count: widths[column] - cell.count)
                return sides[column] == .left ? cell + filler : filler + cell
            }.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
        }.joined()
    }
}
