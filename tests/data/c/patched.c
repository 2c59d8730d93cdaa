/* Stands for the ARM loop of Linux 4.6 and later; retold, not the kernel's text. Every claim holds. */
static const int sizes_tried[] = { 9, 8, 4, 0 };

static struct page **fill(struct device *owner, size_t size, gfp_t gfp, unsigned long attrs)
{
	int count = size >> PAGE_SHIFT, i = 0, which = 0;
	struct page **pages = kvzalloc(count * sizeof(*pages), GFP_KERNEL);

	if (!pages)
		return NULL;
	if (attrs & DMA_ATTR_ALLOC_SINGLE_PAGES)
		which = ARRAY_SIZE(sizes_tried) - 1;
	gfp |= __GFP_HIGHMEM | __GFP_NOWARN;
	while (count) {
		int order = sizes_tried[which], j;

		if (__fls(count) < order) {
			which++;
			continue;
		}
		pages[i] = alloc_pages(order ? gfp | __GFP_NORETRY : gfp, order);
		if (!pages[i] && order) {
			which++;
			continue;
		}
		if (!pages[i])
			goto undo;
		if (order)
			split_page(pages[i], order);
		for (j = 1; j < 1 << order; j++)
			pages[i + j] = pages[i] + j;
		__dma_clear_buffer(pages[i], PAGE_SIZE << order, 0);
		i += 1 << order;
		count -= 1 << order;
	}
	return pages;
undo:
	while (i--)
		if (pages[i])
			__free_pages(pages[i], 0);
	kvfree(pages);
	return NULL;
}
