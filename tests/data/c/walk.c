/* Stands for the loop of v4.1 - v4.5: for every chunk, down from the largest order that fits; NORETRY above order 0. */
static struct page **fill(size_t size, gfp_t gfp)
{
	int count = size >> PAGE_SHIFT;
	int i = 0;
	struct page **pages = vzalloc(count * sizeof(struct page *));

	if (!pages)
		return NULL;
	gfp |= __GFP_NOWARN | __GFP_HIGHMEM;
	while (count) {
		int j, order;

		for (order = __fls(count); order > 0; --order) {
			pages[i] = alloc_pages(gfp | __GFP_NORETRY, order);
			if (pages[i])
				break;
		}
		if (!pages[i]) {
			pages[i] = alloc_pages(gfp, 0);
			if (!pages[i])
				goto undo;
		}
		if (order) {
			split_page(pages[i], order);
			j = 1 << order;
			while (--j)
				pages[i + j] = pages[i] + j;
		}
		__dma_clear_buffer(pages[i], PAGE_SIZE << order);
		i += 1 << order;
		count -= 1 << order;
	}
	return pages;
undo:
	while (i--)
		if (pages[i])
			__free_pages(pages[i], 0);
	vfree(pages);
	return NULL;
}
