//! Numbers in order, without the seven kilobytes that the standard library's sorts are.

/// Puts numbers in order, in place: a Shell sort, whose distances are those of Knuth.
pub fn sort(numbers: &mut [u32]) {
    let len = numbers.len();
    let mut gap = 1;
    while gap < len / 3 {
        gap = 3 * gap + 1;
    }
    while gap > 0 {
        for end in gap..len {
            let mut at = end;
            while at >= gap && numbers[at - gap] > numbers[at] {
                numbers.swap(at - gap, at);
                at -= gap;
            }
        }
        gap /= 3;
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::sort;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_put_in_order(mut numbers in proptest::collection::vec(0u32..50, 0..300)) {
            let mut theirs = numbers.clone();
            theirs.sort_unstable();
            sort(&mut numbers);
            prop_assert_eq!(numbers, theirs);
        }
    }
}
