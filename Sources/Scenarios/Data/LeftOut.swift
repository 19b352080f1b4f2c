import Diagnostics

/// What users are told of samples that were left out while files were opened.
enum LeftOut {
    /// How many of all were left out and where the first of them stand; nothing where there are none.
    /// - Parameters:
    ///   - kept: how many were not.
    ///   - what: for instance `lines are not UTF-8`.
    static func warning(_ places: [FileLocation], of kept: Int, _ what: String) -> [String] {
        guard !places.isEmpty else { return [] }
        let shown = places.prefix(5).map(\.description).joined(separator: ", ")
        return [
            "\(places.count) of \(places.count + kept) \(what) and are left out (data.onBadSample): \(shown)"
                + (places.count > 5 ? " …" : "")
        ]
    }
}
